import { decide } from './decide.ts';
import { backoffKey, backoffLeft, nextBackoff } from './restart.ts';
import {
  active,
  box,
  factsOf,
  images,
  later,
  now,
  podOf,
  prepared,
  runtime,
  sandbox,
  spec,
  starts,
  T0,
  turn,
  whys,
} from './testing.ts';

describe('which ended container runs again', () => {
  const rows: [string, number, boolean][] = [
    ['Always', 0, true],
    ['Always', 111, true],
    ['OnFailure', 0, false],
    ['OnFailure', 111, true],
    ['Never', 0, false],
    ['Never', 111, false],
  ];
  test.each(rows)('policy %s, exit code %i', (policy, exitCode, again) => {
    const d = turn(spec(policy, 'a b'), [box('a', 'exited', { exitCode }), box('b', 'running')], {
      slots: images(1, 'a'),
    });
    expect(starts(d)).toEqual(again ? ['createContainer a'] : []);
    if (!again) expect(whys(d)).toEqual(['ContainerEnded a']);
  });

  test("the container's own policy outweighs the Pod's", () => {
    const containers = [box('a', 'exited'), box('b', 'exited', { exitCode: 1 }), box('c', 'running')];
    const d = turn(spec('Always', 'a!OnFailure b!OnFailure c'), containers, { slots: images(1, 'a', 'b') });
    expect(starts(d)).toEqual(['createContainer b']);
  });

  test('a rule outweighs both, and only a rule of a container with a policy of its own', () => {
    const rule = { action: 'Restart', exitCodes: { operator: 'In', values: [42] } };
    const [own, none] = [{ restartPolicy: 'Never' }, {}].map((more) => {
      const podSpec = spec('Never', 'a b');
      const [a, b] = podSpec.containers;
      return { ...podSpec, containers: [{ ...a!, ...more, restartPolicyRules: [rule] }, b!] };
    });
    const containers = [box('a', 'exited', { exitCode: 42 }), box('b', 'running')];
    expect(starts(turn(own!, containers, { slots: images(1, 'a') }))).toEqual(['createContainer a']);
    expect(starts(turn(none!, containers, { slots: images(1, 'a') }))).toEqual([]);
  });

  test('a container that was made but never started is started, not made again', () => {
    const d = turn(spec('OnFailure', 'a b'), [box('a', 'created'), box('b', 'running')]);
    expect(starts(d)).toEqual(['startContainer a']);
  });

  test('one made from another definition is thrown away before it ever ran', () => {
    const d = turn(spec('Always', 'a'), [box('a', 'created', { hash: 'other' })]);
    expect(starts(d)).toEqual(['removeContainer a-0']);
  });

  test('when all have ended for good the Pod is over', () => {
    const d = turn(spec('OnFailure', 'a b'), [box('a', 'exited'), box('b', 'exited')]);
    expect(d.memory).toMatchObject({ phase: 'Terminating', termination: { cause: 'completed' } });
  });
});

test('crash-loop delays are 0, 10, 20, 40, 80, 160, 300, 300 s, and 0 again after ten minutes of running', () => {
  const container = { name: 'a', image: 'img' };
  const key = backoffKey(container);
  const delays: number[] = [];
  let entry: Parameters<typeof backoffLeft>[0];
  let clock = now;
  const crash = (ranSeconds: number) => {
    clock = later((clock.mono - now.mono) / 1000 + ranSeconds);
    const ended = clock.wall;
    const { left } = backoffLeft(entry, key, ended, clock);
    delays.push(left / 1000);
    clock = later((clock.mono - now.mono + left) / 1000);
    entry = nextBackoff(entry, key, ended, { crashLoopMaxMs: 300_000 }, clock);
  };
  for (let i = 0; i < 8; i++) crash(1);
  expect(delays).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  delays.length = 0;
  crash(599);
  crash(601);
  crash(1);
  expect(delays).toEqual([300, 0, 10]);
});

describe('crash-loop back-off in a turn', () => {
  const exited = [box('a', 'exited', { exitCode: 3, finishedAt: now.wall - 4_000, restartCount: 2 })];
  const backoff = { a: { key: backoffKey({ name: 'a', image: 'img' }), delayMs: 20_000, updatedAt: now.wall - 6_000 } };

  test('holds the restart back, says so, and wakes in time', () => {
    const d = turn(spec('Always', 'a'), exited, { slots: images(3, 'a') }, { backoff });
    expect(starts(d)).toEqual([]);
    expect(d.reasons[0]).toMatchObject({ code: 'CrashLoopBackOff', exitCode: 3, restarts: 2, delayMs: 20_000 });
    expect(d.wakeAt).toBe(now.mono + 16_000);
    expect(d.status?.containerStatuses?.[0]?.state?.waiting).toEqual({
      reason: 'CrashLoopBackOff',
      message: 'back-off 20s restarting failed container=a pod=p_ns(u)',
    });
    expect(d.events.map((e) => e.message)).toEqual(['Back-off restarting failed container a in pod p_ns(u)']);
  });

  test('is over on time, and the next step is counted', () => {
    const d = turn(spec('Always', 'a'), exited, { slots: images(3, 'a') }, { backoff }, later(16));
    expect(starts(d)).toEqual(['createContainer a']);
    expect(d.memory.backoff.a?.delayMs).toBe(40_000);
  });

  test('a changed image starts over', () => {
    const podSpec = spec('Always', 'a');
    const changed = { ...podSpec, containers: [{ ...podSpec.containers[0]!, image: 'other' }] };
    const d = turn(changed, exited, {}, { backoff });
    expect(starts(d)).toEqual(['ensureImage a']);
  });

  test('the node may have a shorter maximum', () => {
    const next = nextBackoff(backoff.a, backoff.a.key, now.wall, { crashLoopMaxMs: 25_000 }, now);
    expect(next.delayMs).toBe(25_000);
  });

  test('the node may begin with a shorter delay, never longer than its maximum', () => {
    const first = (crashLoopInitialMs: number) =>
      nextBackoff(undefined, backoff.a.key, now.wall, { crashLoopMaxMs: 60_000, crashLoopInitialMs }, now).delayMs;
    expect([1_000, 90_000].map(first)).toEqual([1_000, 60_000]);
  });
});

describe('a lost sandbox', () => {
  const dead = [sandbox({ ready: false })];
  const at = (policy: string, containers: ReturnType<typeof box>[]) =>
    decide(
      factsOf(podOf(spec(policy, 'a b')), { runtime: runtime(containers, dead), slots: prepared }),
      { ...active, stoppedSandboxes: ['s0'] },
      now,
    );

  test.each([
    ['Always', 'exited', 'createSandbox sandbox'],
    ['OnFailure', 'exited', 'createSandbox sandbox'],
    ['Never', 'created', 'createSandbox sandbox'],
  ] as const)('policy %s, a %s: a new one', (policy, state, expected) => {
    expect(starts(at(policy, [box('a', state, { exitCode: 1 })]))).toContain(expected);
  });

  test('Never, and something has run: the Pod is over, nothing runs twice', () => {
    const d = at('Never', [box('a', 'exited', { exitCode: 137, finishedAt: T0 })]);
    expect(d.memory.phase).not.toBe('Active');
    expect(starts(d)).not.toContain('createSandbox sandbox');
  });

  test('OnFailure, and all have succeeded: the Pod is over', () => {
    expect(at('OnFailure', [box('a', 'exited'), box('b', 'exited')]).memory.phase).not.toBe('Active');
  });
});

test('the step that was just counted for a restart does not hold that restart back', () => {
  const dead = [box('a', 'exited', { finishedAt: now.wall - 1000, exitCode: 1 })];
  const step = { key: backoffKey({ name: 'a', image: 'img' }), delayMs: 20_000, updatedAt: now.wall };
  const facts = { slots: { ...prepared, ...images(1, 'a') } };
  const made = (countedFor: string) =>
    turn(spec('Always', 'a'), dead, facts, { backoff: { a: { ...step, countedFor } } });
  expect(made('a-0').start.map((action) => action.kind)).toContain('createContainer');
  expect(made('earlier').reasons.map((r) => r.code)).toContain('CrashLoopBackOff');
});
