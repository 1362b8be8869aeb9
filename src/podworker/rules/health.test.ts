// started, ready and the Pod's Ready when the agent is new and its probes have no verdict yet.
import type { ProbeState } from '../../probes/rules/health.ts';
import type { ContainerStatus, Pod, PodSpec, PodStatus } from '../../types/k8s.ts';
import { decide } from './decide.ts';
import type { PodFacts } from './facts.ts';
import { freshMemory } from './memory.ts';
import { active, box, factsOf, now, podOf, runtime, spec, turn, withParts } from './testing.ts';

const readinessProbe = { exec: { command: ['r'] } };
const startupProbe = { exec: { command: ['s'] } };
const probes = {
  none: {},
  readiness: { readinessProbe },
  startup: { startupProbe },
  both: { startupProbe, readinessProbe },
};
const long = '2025-12-24T00:00:05Z';
const [yes, no] = [true, false];

/** The API's status of a Pod with the container `a`, of before this process. */
function apiSays(started: boolean, ready: boolean, id = 'a-0', list = 'containerStatuses'): PodStatus {
  const running = { running: { startedAt: '2026-01-01T00:00:00Z' } };
  const containerID = `containerd://${id}`;
  const a = { name: 'a', image: 'img', imageID: '', restartCount: 0, state: running, started, ready, containerID };
  const condition = { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: long } as const;
  return { phase: 'Running', startTime: long, conditions: [condition], [list]: [a] };
}

const all = (status: PodStatus | null): ContainerStatus[] => [
  ...(status?.initContainerStatuses ?? []),
  ...(status?.containerStatuses ?? []),
];
function said(status: PodStatus | null, name = 'a') {
  const c = all(status).find((one) => one.name === name);
  const ready = status?.conditions?.find((one) => one.type === 'Ready');
  return [c?.started, c?.ready, ready?.status, ready?.lastTransitionTime === long ? 'as before' : 'changed'];
}

/** The first decision of a new agent. A container without a hash is never taken for one of another definition. */
function first(of: PodSpec, status: PodStatus, more: Partial<PodFacts> = {}) {
  const pod: Pod = podOf(of, { status });
  const containers = [box('a', 'running', { hash: '' })];
  return decide(factsOf(pod, { runtime: runtime(containers), ...more }), freshMemory(), now);
}

test.each<[string, keyof typeof probes, boolean, boolean, unknown[]]>([
  ['was ready', 'none', yes, yes, [yes, yes, 'True', 'as before']],
  ['was ready', 'readiness', yes, yes, [yes, yes, 'True', 'as before']],
  ['was ready', 'startup', yes, yes, [yes, yes, 'True', 'as before']],
  ['was ready', 'both', yes, yes, [yes, yes, 'True', 'as before']],
  ['was not ready', 'readiness', yes, no, [yes, no, 'False', 'as before']],
  ['had started and was not ready', 'both', yes, no, [yes, no, 'False', 'as before']],
  ['was starting up', 'startup', no, no, [no, no, 'False', 'as before']],
  ['was starting up', 'both', no, no, [no, no, 'False', 'as before']],
])(
  'a container that %s (probes: %s) is what the API says of it: before the runtime was read, in the first decision after, and while the probes have no verdict',
  (_, kind, started, ready, expected) => {
    const of = withParts(spec('Always', 'a'), { a: probes[kind] });
    const status = apiSays(started, ready);
    expect(said(first(of, status, { runtime: null }).status)).toEqual(expected);
    expect(said(first(of, status, { admission: { state: 'unasked' } }).status)).toEqual(expected);
    expect(said(first(of, status).status)).toEqual(expected);
    const undecided: ProbeState = { containerId: 'a-0', message: 'refused' };
    expect(said(first(of, status, { probes: { a: undecided } }).status)).toEqual(expected);
  },
);

test.each<[string, Partial<ProbeState>, unknown[]]>([
  ['ready: was not', { started: yes, ready: yes }, [yes, yes, 'True']],
  ['not ready', { started: yes, ready: no }, [yes, no, 'False']],
  ['failed to start', { started: no, ready: no }, [no, no, 'False']],
])('a verdict of the probes counts more than the API: %s', (_, verdict, expected) => {
  const of = withParts(spec('Always', 'a'), { a: probes.both });
  const state = { containerId: 'a-0', ...verdict };
  const status = apiSays(yes, expected[1] !== true);
  expect(said(first(of, status, { probes: { a: state } }).status).slice(0, 3)).toEqual(expected);
});

test.each(['readiness', 'startup', 'both'] as const)(
  'a container that was replaced while the agent was away inherits nothing (probes: %s)',
  (kind) => {
    const of = withParts(spec('Always', 'a'), { a: probes[kind] });
    const [, ready, pod] = said(first(of, apiSays(yes, yes, 'a-before')).status);
    expect([ready, pod]).toEqual([no, 'False']);
  },
);

test('one without probes is ready as soon as it runs again, and the Pod has not ceased to be', () => {
  expect(said(first(spec('Always', 'a'), apiSays(yes, yes, 'a-before')).status)).toEqual([
    yes,
    yes,
    'True',
    'as before',
  ]);
});

test('a container that ended while the agent was away is not ready, whatever the API says', () => {
  const of = withParts(spec('Always', 'a'), { a: probes.readiness });
  const containers = [box('a', 'exited', { exitCode: 1 })];
  expect(said(first(of, apiSays(yes, yes), { runtime: runtime(containers) }).status).slice(1, 3)).toEqual([
    no,
    'False',
  ]);
});

test('a startup probe that was half-way does not count as passed, before or after the runtime was read', () => {
  const of = withParts(spec('Always', 'a'), { a: probes.startup });
  const status = apiSays(no, no);
  for (const runtimeKnown of [{ runtime: null }, {}])
    expect(said(first(of, status, runtimeKnown).status)).toEqual([no, no, 'False', 'as before']);
});

test('containers that are ready stay so in a Pod that waits for its readiness gate', () => {
  const of = { ...withParts(spec('Always', 'a'), { a: probes.both }), readinessGates: [{ conditionType: 'x/y' }] };
  const status = apiSays(yes, yes);
  const waits: PodStatus = {
    ...status,
    conditions: [{ type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', lastTransitionTime: long }],
  };
  expect(said(first(of, waits).status)).toEqual([yes, yes, 'False', 'as before']);
});

describe('a sidecar', () => {
  const of = withParts(spec('Always', 'm', 'a*'), { a: probes.both });
  const containers = [box('a', 'running', { hash: '' }), box('m', 'running')];

  test('keeps what the API says of it', () => {
    const status = apiSays(yes, yes, 'a-0', 'initContainerStatuses');
    expect(said(first(of, status, { runtime: runtime(containers) }).status)).toEqual([yes, yes, 'True', 'as before']);
  });

  test('that had started lets the main containers go on at once; one that was starting up does not', () => {
    const alone = { pod: podOf(of, { status: apiSays(yes, no, 'a-0', 'initContainerStatuses') }) };
    const codes = (d: ReturnType<typeof turn>) => d.reasons.map((r) => r.code);
    expect(codes(turn(of, [containers[0]!], alone))).not.toContain('AfterContainer');
    const starting = { pod: podOf(of, { status: apiSays(no, no, 'a-0', 'initContainerStatuses') }) };
    expect(codes(turn(of, [containers[0]!], starting))).toContain('AfterContainer');
  });
});

describe('a static Pod', () => {
  const of = withParts(spec('Always', 'a'), { a: probes.both });
  const pod = podOf(of);
  const at = (facts: Partial<PodFacts>, memory = active) =>
    decide(
      factsOf(pod, { origin: 'file', runtime: runtime([box('a', 'running', { hash: '' })]), ...facts }),
      memory,
      now,
    );

  test('is what its mirror says, also when that comes to be known after decisions without it', () => {
    const undecided = { probes: { a: { containerId: 'a-0' } } };
    const alone = at({ mirror: { state: 'absent' }, ...undecided });
    expect(said(alone.status).slice(0, 3)).toEqual([no, no, 'False']);
    const known = { mirror: { state: 'current' as const }, accepted: apiSays(yes, yes), ...undecided };
    expect(said(at(known, alone.memory).status)).toEqual([yes, yes, 'True', 'as before']);
  });

  test('is not what its manifest claims', () => {
    const claims = podOf(of, { status: apiSays(yes, yes) });
    expect(said(at({ pod: claims }).status).slice(0, 3)).toEqual([no, no, 'False']);
  });
});
