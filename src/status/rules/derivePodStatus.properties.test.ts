import { deepFreeze } from '../../lib/freeze.ts';
import type { PodStatus } from '../../types/k8s.ts';
import { derivePodStatus, deriveStatus } from './derivePodStatus.ts';
import type { StatusInput } from './input.ts';
import { inputOf, observed, oc, podOf, restartAllRule, sandbox, spec, st, t0 } from './testing.ts';

const readyOf = (status: PodStatus) => status.conditions?.find((c) => c.type === 'Ready')?.status ?? 'none';

// Everything small and seeded, so that a failure names its seed.
describe('properties over generated inputs', () => {
  const inputs = Array.from({ length: 800 }, (_, seed) => [seed, generate(seed)] as const);

  test('deriving again with the result changes nothing', () => {
    for (const [seed, input] of inputs) {
      const first = settled(input);
      const second = derivePodStatus({ ...input, previous: first, now: input.now + 3_600_000 });
      expect({ seed, status: second }).toEqual({ seed, status: first });
    }
  });

  test('a terminal phase is never left, and appears only when all containers are stopped', () => {
    for (const [seed, input] of inputs) {
      const before = derivePodStatus(input);
      const next = derivePodStatus({ ...generate(seed + 5000), pod: input.pod, previous: before });
      if (before.phase === 'Failed' || before.phase === 'Succeeded') {
        expect([seed, next.phase]).toEqual([seed, before.phase]);
        expect([seed, readyOf(next)]).not.toEqual([seed, 'True']);
      } else if (!input.finished && !input.rejected) {
        expect([seed, before.phase]).not.toEqual([seed, 'Succeeded']);
      }
    }
  });

  test('a new agent that has not read the runtime says what the API has', () => {
    for (const [seed, input] of inputs) {
      // Who ends the Pod is among what a new agent has to find out.
      if (input.rejected || deriveStatus(input).comingPhase !== derivePodStatus(input).phase) continue;
      const status = settled(input);
      const unread = { runtime: null, health: {}, waiting: {}, hostIPs: [], readyToStartContainers: false };
      const said = derivePodStatus(inputOf({ ...input.pod, status }, { ...unread, now: input.now + 3_600_000 }));
      expect({ seed, status: said }).toEqual({ seed, status });
    }
  });

  test('inputs are never modified, and every owned condition has a time', () => {
    for (const [seed, input] of inputs) {
      const status = derivePodStatus(deepFreeze(input));
      const times = status.conditions?.map((c) => c.lastTransitionTime);
      expect([seed, times?.every((time) => time !== undefined)]).not.toEqual([seed, false]);
      expect([seed, JSON.stringify(status)]).not.toEqual([seed, undefined]);
    }
  });
});

// The turn that sees RestartAllContainers end still treats what is gone as removed; the next one does not.
function settled(input: StatusInput): PodStatus {
  const first = derivePodStatus(input);
  return wasRestarting(input) && !isRestarting(first) ? derivePodStatus({ ...input, previous: first }) : first;
}

function isRestarting(status: PodStatus | undefined): boolean {
  return status?.conditions?.some((c) => c.type === 'AllContainersRestarting' && c.status === 'True') ?? false;
}

function wasRestarting(input: StatusInput): boolean {
  return isRestarting(input.previous ?? input.pod.status);
}

// A small generator of anything that a worker could hand in, sensible or not.
function generate(seed: number): StatusInput {
  let value = (seed + 1) * 2654435761;
  const next = (n: number) => {
    value = (Math.imul(value ^ (value >>> 15), 2246822519) + 0x9e3779b9) >>> 0;
    return value % n;
  };
  const pick = <T>(...items: T[]): T => items[next(items.length)]!;
  const forms = ['run', 'started', 'wait', 'exit 0', 'exit 42', 'wait exit 1', 'restarting all', 'none'];
  const podSpec = spec(
    pick('Always', 'OnFailure', 'Never'),
    pick('a', 'a b', 'a!Never b!OnFailure'),
    pick('', 'i', 's*', 'i s*'),
  );
  const withRules =
    next(4) === 0
      ? {
          ...podSpec,
          containers: podSpec.containers.map((c) => ({
            ...c,
            restartPolicy: 'Never',
            restartPolicyRules: [restartAllRule],
          })),
        }
      : podSpec;
  const names = [...podSpec.containers, ...(podSpec.initContainers ?? [])].map((c) => c.name);
  const containers = names.flatMap((name) =>
    Array.from({ length: next(3) }, (_, i) =>
      oc(name, pick('created', 'running', 'exited', 'unknown'), {
        id: `${name}-${2 - i}`,
        exitCode: pick(0, 1, 42),
        restartCount: 2 - i,
        message: pick('', 'x'.repeat(9000)),
      }),
    ),
  );
  const old = (list: readonly { name: string }[] = []) =>
    list
      .filter(() => next(2) === 0)
      .map(({ name }) => st(name, pick(...forms), { containerID: `containerd://${name}-${next(3)}` }));
  const status = {
    phase: pick(undefined, 'Pending', 'Running', 'Succeeded', 'Failed'),
    podIP: pick(undefined, '10.0.0.1'),
    containerStatuses: old(podSpec.containers),
    initContainerStatuses: old(podSpec.initContainers),
    conditions: pick([], [{ type: 'AllContainersRestarting', status: 'True', lastTransitionTime: t0 }]),
  } as PodStatus;
  const meta = next(3) === 0 ? { deletionTimestamp: t0 } : {};
  return inputOf(podOf(withRules, pick({}, { status }), meta), {
    runtime: pick(null, observed(containers), observed(containers, [sandbox({ ready: false, ips: [] })])),
    ...(next(2) === 0 ? { previous: status } : {}),
    waiting: pick<StatusInput['waiting']>(
      {},
      { a: { reason: 'CrashLoopBackOff', message: 'm' } },
      { i: { reason: 'ErrImagePull', message: '' } },
    ),
    health: pick<StatusInput['health']>({}, { a: { started: pick(true, false), ready: pick(true, false) } }),
    ...(next(12) === 0 ? { rejected: { reason: 'OutOfcpu', message: 'm' } } : {}),
    ...(next(5) === 0
      ? {
          ended: {
            reason: pick('Evicted', 'DeadlineExceeded'),
            condition: { type: 'DisruptionTarget', reason: 'r', message: 'm' },
          },
        }
      : {}),
    terminating: pick(true, false),
    finished: pick(true, false),
    ...(next(3) === 0 ? { restartAllContainers: pick(true, false) } : {}),
  });
}
