import type { ObservedContainer } from '../../cri/observed.ts';
import type { PodSpec } from '../../types/k8s.ts';
import type { Action } from './actions.ts';
import { type Decision, decide } from './decide.ts';
import type { PodFacts, PodSlot } from './facts.ts';
import type { Kill, PodMemory } from './memory.ts';
import { backoffKey } from './restart.ts';
import {
  active,
  box,
  ended,
  factsOf,
  images,
  now,
  podOf,
  runtime,
  sandbox,
  spec,
  starts,
  turn,
  under,
  whys,
} from './testing.ts';

const policies = ['Always', 'OnFailure', 'Never'] as const;
const kill = (reason: Kill['reason']): Kill => ({ message: '', reason, since: now.wall - 1000, graceSeconds: 30 });
const killed = (reason: Kill['reason'], id = 'a-0'): Partial<PodMemory> => ({ kills: { [id]: kill(reason) } });
const ranUntil = (exitCode: number, more: Partial<ObservedContainer> = {}) =>
  box('a', 'exited', { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', finishedAt: now.wall, ...more });
const made = box('a', 'created', { id: 'a-1', createdAt: now.wall, restartCount: 1 });
const create: Action = {
  kind: 'createContainer',
  slot: 'container/a',
  container: 'a',
  sandboxId: 's0',
  attempt: 1,
  objects: '',
};
const noPull: Record<string, PodSlot> = {
  'image/a': ended(
    { kind: 'ensureImage', slot: 'image/a', container: 'a', image: 'img', policy: 'IfNotPresent', attempt: 1 },
    { reason: 'ErrImagePull', message: 'not found' },
  ),
};
const shown = (d: Decision, name = 'a') => {
  const all = [...(d.status?.containerStatuses ?? []), ...(d.status?.initContainerStatuses ?? [])];
  const { state, lastState, ready, restartCount, containerID } = all.find((c) => c.name === name)!;
  const last = lastState?.terminated?.exitCode;
  const word = state?.terminated ? `ended ${state.terminated.exitCode}` : (state?.waiting?.reason ?? 'running');
  return [word, ready, restartCount, containerID?.replace('containerd://', ''), ...(last === undefined ? [] : [last])];
};

describe.each(policies)('a container that was stopped for its new definition, restartPolicy %s', (policy) => {
  const podSpec = spec(policy, 'a b');
  const b = box('b', 'running');
  const at = (containers: ObservedContainer[], facts: Partial<PodFacts> = {}, memory = killed('definition')) =>
    turn(podSpec, [...containers, b], facts, memory);

  test.each([0, 1, 137])('runs again, whatever code it ended with (%i); its end is not told', (exitCode) => {
    const d = at([ranUntil(exitCode)], { slots: images(1, 'a') });
    expect(starts(d)).toEqual(['createContainer a']);
    expect(shown(d)).toEqual(['running', true, 0, 'a-0']);
    expect(d.status?.phase).toBe('Running');
  });

  test('nor that it was lost while it was being stopped', () => {
    expect(shown(at([box('a', 'unknown')]))).toEqual(['running', true, 0, 'a-0']);
  });

  test('nothing is told while its successor is made and started, however long a pull takes', () => {
    const pull = {
      kind: 'ensureImage',
      slot: 'image/a',
      container: 'a',
      image: 'img',
      policy: 'x',
      attempt: 1,
    } as const;
    const start = { kind: 'startContainer', slot: 'container/a', container: 'a', containerId: 'a-1' } as const;
    const steps: [ObservedContainer[], Record<string, PodSlot>][] = [
      [[ranUntil(0)], { 'image/a': under(pull, now.mono - 600_000) }],
      [[ranUntil(0)], { ...images(1, 'a'), 'container/a': under(create) }],
      [[made, ranUntil(0)], { ...images(1, 'a'), 'container/a': ended(create) }],
      [[made, ranUntil(0)], { ...images(1, 'a'), 'container/a': under(start) }],
    ];
    for (const [containers, slots] of steps)
      expect(shown(at(containers, { slots }))).toEqual(['running', true, 0, 'a-0']);
    const up = { ...made, state: 'running' } as const;
    const { status } = at([ranUntil(0)], { slots: images(1, 'a') }).memory;
    expect(shown(at([up, ranUntil(0)], {}, { ...killed('definition'), ...(status ? { status } : {}) }))).toEqual([
      'running',
      true,
      1,
      'a-1',
      0,
    ]);
  });

  const again = (exitCode: number) => policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
  test.each([0, 1])('when its successor cannot be started the policy decides (code %i)', (exitCode) => {
    const failures: [Record<string, PodSlot>, string][] = [
      [noPull, 'ErrImagePull'],
      [{ ...images(1, 'a'), 'container/a': ended(create, { reason: 'CreateContainerError' }) }, 'CreateContainerError'],
    ];
    for (const [slots, reason] of failures) {
      const d = at([ranUntil(exitCode)], { slots });
      expect(d.memory.kills['a-0']?.successorFailed).toBe(true);
      if (again(exitCode)) expect(shown(d)).toEqual([reason, false, 0, 'a-0', exitCode]);
      else expect(shown(d)).toEqual([`ended ${exitCode}`, false, 0, 'a-0']);
      const next = at([ranUntil(exitCode)], { slots: images(1, 'a') }, { kills: d.memory.kills });
      expect(starts(next)).toEqual(again(exitCode) ? ['createContainer a'] : []);
      if (!again(exitCode)) expect(whys(d)).toContain('ContainerEnded a');
    }
  });

  test('and the Pod ends with it when nothing else is left', () => {
    const d = turn(spec(policy, 'a'), [ranUntil(0)], { slots: noPull }, killed('definition'));
    expect(d.memory.termination?.cause).toBe(policy === 'Always' ? undefined : 'completed');
  });

  test.each([0, 1])('a kubelet that was killed in between leaves it to the policy (code %i)', (exitCode) => {
    for (const containers of [[ranUntil(exitCode)], [made, ranUntil(exitCode)]]) {
      const d = at(containers, { slots: images(1, 'a') }, {});
      expect(starts(d)).toHaveLength(again(exitCode) ? 1 : 0);
      expect(shown(d)[0]).toBe(`ended ${exitCode}`);
    }
  });

  test('a Pod that is to end shows the real end', () => {
    const d = at([ranUntil(0)], { terminate: [{ cause: 'preempted' }] });
    expect([starts(d).includes('createContainer a'), shown(d)[0]]).toEqual([false, 'ended 0']);
    // Unless a start is under way: the successor may come all the same.
    const slots = { 'container/a': under(create) };
    expect(shown(at([ranUntil(0)], { terminate: [{ cause: 'preempted' }], slots }))[0]).toBe('running');
  });

  test('one with a readiness probe is not ready meanwhile', () => {
    const probed: PodSpec = { ...podSpec, containers: podSpec.containers.map((c) => ({ ...c, readinessProbe: {} })) };
    const d = turn(probed, [ranUntil(0), b], { slots: images(1, 'a') }, killed('definition'));
    expect(shown(d)).toEqual(['running', false, 0, 'a-0']);
  });

  test('a sidecar starts again at once and untold too', () => {
    const s = box('s', 'exited', { exitCode: 0 });
    const memory = { ...killed('definition', 's-0'), initializedIn: 's0' };
    const d = turn(spec(policy, 'a', 's*'), [box('a', 'running'), s], { slots: images(1, 's') }, memory);
    expect([starts(d), shown(d, 's')]).toEqual([['createContainer s'], ['running', true, 0, 's-0']]);
  });
});

describe('a container that was stopped for a probe', () => {
  const b = box('b', 'running');
  const of = (policy: string, memory: Partial<PodMemory>, older: ObservedContainer[] = [], exitCode = 0) =>
    turn(
      spec(policy, 'a b'),
      [ranUntil(exitCode, { id: 'a-1', restartCount: 1, createdAt: now.wall - 5000 }), ...older, b],
      { slots: images(2, 'a') },
      { ...killed('liveness', 'a-1'), ...memory },
    );
  const endedAgo = (secondsAgo: number) =>
    box('a', 'exited', { exitCode: 0, createdAt: 1, finishedAt: now.wall - secondsAgo * 1000 });
  const stepped = (delayMs: number) => ({
    backoff: { a: { key: backoffKey({ name: 'a', image: 'img' }), delayMs, updatedAt: now.wall - 60_000 } },
  });

  test.each(['Always', 'OnFailure'])('%s: it starts again at once and untold', (policy) => {
    for (const older of [[], [endedAgo(60)]]) {
      const d = of(policy, older.length ? stepped(20_000) : {}, older);
      expect([starts(d).includes('createContainer a'), shown(d)[0]]).toEqual([true, 'running']);
    }
  });

  test('its own end is not counted as a crash; the one before is', () => {
    expect(of('Always', {}).memory.backoff).toEqual({});
    expect(of('Always', stepped(20_000), [endedAgo(60)]).memory.backoff.a).toMatchObject({ delayMs: 40_000 });
  });

  test('too soon after the one before it waits, and the end is told', () => {
    const d = of('Always', stepped(80_000), [endedAgo(60)]);
    expect([starts(d).includes('createContainer a'), shown(d)]).toEqual([
      false,
      ['CrashLoopBackOff', false, 1, 'a-1', 0],
    ]);
    // An exit code of 0 is then what OnFailure asks for.
    expect(shown(of('OnFailure', stepped(80_000), [endedAgo(60)]))[0]).toBe('ended 0');
    expect(shown(of('OnFailure', stepped(80_000), [endedAgo(60)], 137))[0]).toBe('CrashLoopBackOff');
  });

  test('Never: it stays down, and is told', () => {
    const d = of('Never', {}, [], 137);
    expect([starts(d).includes('createContainer a'), shown(d)[0]]).toEqual([false, 'ended 137']);
  });
});

describe('containers that were stopped because their sandbox changed', () => {
  const lost = [sandbox({ ready: false })];
  const at = (
    podSpec: PodSpec,
    containers: ObservedContainer[],
    memory: Partial<PodMemory>,
    more: Partial<PodFacts> = {},
  ) =>
    decide(
      factsOf(podOf(podSpec), { runtime: runtime(containers, lost), ...more }),
      { ...active, stoppedSandboxes: ['s0'], ...memory },
      now,
    );

  test.each(['Always', 'OnFailure'])(
    '%s: all run again in the next one, whatever their exit code; untold',
    (policy) => {
      const d = at(spec(policy, 'a'), [ranUntil(0)], killed('sandbox'));
      expect([starts(d), shown(d)[0]]).toEqual([['createSandbox sandbox'], 'running']);
      const next = [sandbox({ id: 's1', attempt: 1, createdAt: now.wall }), ...lost];
      const made = turn(
        spec(policy, 'a'),
        [],
        { runtime: runtime([ranUntil(0)], next), slots: images(1, 'a') },
        { ...d.memory, stoppedSandboxes: ['s0'] },
      );
      expect([starts(made), shown(made)[0]]).toEqual([['createContainer a'], 'running']);
    },
  );

  test('when no sandbox can be made the policy decides', () => {
    const sandboxSlot = ended({ kind: 'createSandbox', slot: 'sandbox', attempt: 1 }, {}, { failures: 9 });
    const slots = { ...factsOf(null).slots, sandbox: sandboxSlot };
    const tell = (policy: string) => shown(at(spec(policy, 'a'), [ranUntil(0)], killed('sandbox'), { slots }))[0];
    expect([tell('Always'), tell('OnFailure')]).toEqual(['ended 0', 'ended 0']);
  });

  test('behind init containers the policy decides', () => {
    const i = box('i', 'exited');
    const d = at(spec('OnFailure', 'a', 'i'), [ranUntil(0), i], killed('sandbox'));
    expect([d.memory.termination?.cause, shown(d)[0]]).toEqual(['completed', 'ended 0']);
  });

  test('sidecars stop after the main containers, the last one first, as at the end of a Pod', () => {
    const podSpec = spec('Always', 'a', 's* t*');
    const stops = (...names: string[]) =>
      starts(
        at(
          podSpec,
          names.map((n) => box(n, 'running')),
          { stoppedSandboxes: [] },
        ),
      ).filter((s) => s.startsWith('stopContainer'));
    expect(stops('a', 's', 't')).toEqual(['stopContainer a-0']);
    expect(stops('s', 't')).toEqual(['stopContainer t-0']);
    expect(stops('s')).toEqual(['stopContainer s-0']);
  });
});

test.each(policies)(
  '%s: a successor has started when its postStart hook is over; when the hook fails the policy decides',
  (policy) => {
    const start = { kind: 'startContainer', slot: 'container/a', container: 'a', containerId: 'a-1' } as const;
    const post = { kind: 'postStart', slot: 'poststart/a', container: 'a', containerId: 'a-1' } as const;
    const lifecycle = { postStart: { exec: { command: ['x'] } } };
    const podSpec = {
      ...spec(policy, 'a b'),
      containers: [
        { name: 'a', image: 'img', lifecycle },
        { name: 'b', image: 'img' },
      ],
    };
    const successor = (state: 'running' | 'exited') =>
      box('a', state, { id: 'a-1', restartCount: 1, createdAt: now.wall, exitCode: 0 });
    const at = (state: 'running' | 'exited', hook: PodSlot, kills = killed('definition').kills) => {
      const slots = { ...images(2, 'a'), 'container/a': ended(start), 'poststart/a': hook };
      return turn(podSpec, [successor(state), ranUntil(0), box('b', 'running')], { slots }, kills ? { kills } : {});
    };
    expect(shown(at('running', under(post)))).toEqual(['running', true, 0, 'a-0']);
    expect(shown(at('running', ended(post)))).toEqual(['running', true, 1, 'a-1', 0]);
    const failed = at('running', ended(post, { reason: 'PostStartHookError' }));
    expect(shown(failed)).toEqual(['running', true, 0, 'a-0']);
    const over = at('exited', ended(post, { reason: 'PostStartHookError' }), failed.memory.kills);
    expect(shown(over)).toEqual(
      policy === 'Always' ? ['PostStartHookError', false, 1, 'a-1', 0] : ['ended 0', false, 1, 'a-1', 0],
    );
  },
);

describe('while its postStart hook runs a container has not started', () => {
  const hooked: PodSpec = {
    ...spec('Always', 'a'),
    containers: [{ name: 'a', image: 'img', lifecycle: { postStart: { exec: { command: ['x'] } } } }],
  };
  const start = { kind: 'startContainer', slot: 'container/a', container: 'a', containerId: 'a-0' } as const;
  const post = { kind: 'postStart', slot: 'poststart/a', container: 'a', containerId: 'a-0' } as const;
  const at = (hook: PodSlot | undefined, facts: Partial<PodFacts> = {}) =>
    turn(hooked, [box('a', 'running')], {
      slots: { 'container/a': ended(start), ...(hook ? { 'poststart/a': hook } : {}) },
      ...facts,
    });

  test('it shows as it did before, and the Pod is Pending', () => {
    for (const d of [at(undefined), at(under(post)), at(ended(post, {}))]) {
      expect([d.status?.phase, shown(d)]).toEqual(['Pending', ['ContainerCreating', false, 0, undefined]]);
    }
    expect([at(ended(post)).status?.phase, shown(at(ended(post)))]).toEqual(['Running', ['running', true, 0, 'a-0']]);
  });

  test('nor while the call that starts it has not returned, whatever a read finds: it is not taken for one that was lost', () => {
    const seen = at(undefined, { slots: { 'container/a': under(start) } });
    expect([seen.status?.phase, shown(seen)]).toEqual(['Pending', ['ContainerCreating', false, 0, undefined]]);
    expect(whys(seen)).toContain('StartingContainer a');
    const later = turn(hooked, [box('a', 'running')], { slots: { 'container/a': ended(start) } }, seen.memory);
    expect([later.status?.phase, shown(later)]).toEqual(['Pending', ['ContainerCreating', false, 0, undefined]]);
    const slots = { 'container/a': ended(start), 'poststart/a': ended(post) };
    const over = turn(hooked, [box('a', 'running')], { slots }, later.memory);
    expect([over.status?.phase, shown(over)]).toEqual(['Running', ['running', true, 0, 'a-0']]);
  });

  test('a Pod that is to end shows what there is', () => {
    expect(shown(at(under(post), { terminate: [{ cause: 'preempted' }] }))).toEqual(['running', false, 0, 'a-0']);
  });

  test('a restarted one goes on waiting for its last reason', () => {
    const waiting = { a: { reason: 'CrashLoopBackOff', message: 'm', after: 'a-0' } };
    const again = box('a', 'running', { id: 'a-1', restartCount: 1, createdAt: now.wall });
    const slots = {
      'container/a': ended({ ...start, containerId: 'a-1' }),
      'poststart/a': under({ ...post, containerId: 'a-1' }),
    };
    const d = turn(hooked, [again, ranUntil(3)], { slots }, { waiting });
    expect(shown(d)).toEqual(['CrashLoopBackOff', false, 0, 'a-0', 3]);
  });
});

test.each([
  ['Always', 'PostStartHookError'],
  ['OnFailure', 'PostStartHookError'],
  ['Never', 'ended 137'],
])('restartPolicy %s: a container whose postStart hook failed shows %s', (policy, word) => {
  const start = { kind: 'startContainer', slot: 'container/a', container: 'a', containerId: 'a-0' } as const;
  const post = { kind: 'postStart', slot: 'poststart/a', container: 'a', containerId: 'a-0' } as const;
  const slots = {
    ...images(1, 'a'),
    'container/a': ended(start),
    'poststart/a': ended(post, { reason: 'PostStartHookError', message: 'exited with 7' }),
  };
  const d = turn(spec(policy, 'a b'), [ranUntil(137), box('b', 'running')], { slots }, killed('hook'));
  expect(shown(d)[0]).toBe(word);
});
