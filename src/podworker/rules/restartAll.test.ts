import { restartAllRule } from '../../status/rules/testing.ts';
import type { PodMemory } from './memory.ts';
import { box, ended, images, now, spec, starts, turn, under, whys, withParts } from './testing.ts';

const asks = { restartPolicy: 'Never', restartPolicyRules: [restartAllRule] };
const podSpec = withParts(spec('Never', 'a b', 'i s*'), { a: asks });
const source = box('a', 'exited', { exitCode: 42 });
const done = box('i', 'exited');
const condition = (d: ReturnType<typeof turn>) =>
  d.status?.conditions?.find((c) => c.type === 'AllContainersRestarting')?.status;

describe('RestartAllContainers (KEP-5532)', () => {
  test('main containers are stopped first, with the least grace and without their hook', () => {
    const hooked = withParts(podSpec, { b: { lifecycle: { preStop: { exec: { command: ['x'] } } } } });
    const d = turn(hooked, [source, box('b', 'running'), box('s', 'running'), done]);
    expect(starts(d)).toEqual(['stopContainer b-0']);
    expect(d.start[0]).toMatchObject({ seconds: 2 });
    expect(d.events.map((e) => `${e.reason} ${e.container} ${e.message}`)).toEqual(['Killing b killing']);
    expect([condition(d), d.memory.phase]).toEqual(['True', 'Active']);
  });

  const steps: [string, ReturnType<typeof box>[], string[]][] = [
    [
      'then removed',
      [source, box('b', 'exited', { exitCode: 137 }), box('s', 'running'), done],
      ['removeContainer b-0'],
    ],
    ['then the init containers go', [source, box('s', 'running'), done], ['stopContainer s-0', 'removeContainer i-0']],
    ['who asked for it goes last', [source], ['removeContainer a-0']],
  ];
  test.each(steps)('%s', (_, containers, expected) => {
    const d = turn(podSpec, containers, {}, { restartingAll: true });
    expect(starts(d)).toEqual(expected);
    expect(whys(d)).toContain('RestartingContainer b');
    expect(d.memory.restartingAll).toBe(true);
  });

  test('told once, the status rests until all are gone; then all of them wait, and how they ended is not told', () => {
    const running = [box('b', 'running'), box('s', 'running'), done];
    const first = turn(podSpec, [source, ...running]);
    const between = [source, box('b', 'exited', { exitCode: 137 }), box('s', 'running'), done];
    const second = turn(podSpec, between, {}, first.memory);
    expect(second.status).toEqual(first.status);
    expect(turn(podSpec, [source], {}, second.memory).status).toEqual(first.status);
    const { status } = turn(podSpec, [], {}, second.memory);
    const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
    expect(all.map((c) => [c.name, c.state?.waiting?.reason, c.restartCount])).toEqual(
      ['a', 'b', 'i', 's'].map((name) => [name, 'RestartingAllContainers', 1]),
    );
  });

  test('then everything starts from the first init container, in the same sandbox, without back-off', () => {
    const memory: Partial<PodMemory> = {
      restartingAll: true,
      initializedIn: 's0',
      backoff: { i: { key: '["i","img",null]', delayMs: 40_000, updatedAt: now.wall } },
    };
    const d = turn(podSpec, [], { slots: images(1, 'i'), logRestarts: { i: 0 } }, memory);
    expect(starts(d)).toContain('createContainer i');
    expect(d.start.find((a) => a.kind === 'createContainer')).toMatchObject({ attempt: 1, sandboxId: 's0' });
    expect(d.memory.restartingAll).toBeUndefined();
    expect(condition(d)).not.toBe('True');
  });

  test('a creation under way is given up and waited for', () => {
    const create = { kind: 'createContainer', slot: 'container/b', container: 'b' } as const;
    const running = under({ ...create, sandboxId: 's0', attempt: 0, objects: '' });
    const d = turn(podSpec, [], { slots: { 'container/b': running } }, { restartingAll: true });
    expect([starts(d), d.abort, d.memory.restartingAll]).toEqual([[], ['container/b'], true]);
  });

  test('a start whose outcome is unknown is waited for', () => {
    const start = { kind: 'startContainer', slot: 'container/b', container: 'b', containerId: 'b-0' } as const;
    const unknown = ended(start, { settled: false });
    const slots = { 'container/b': { ...unknown, last: { ...unknown.last!, opensAt: 99 } } };
    const d = turn(podSpec, [box('b', 'created')], { slots }, { restartingAll: true });
    expect([starts(d), d.memory.restartingAll]).toEqual([[], true]);
  });

  test('another exit code asks for nothing', () => {
    const d = turn(podSpec, [box('a', 'exited', { exitCode: 1 }), box('b', 'running'), box('s', 'running'), done]);
    expect([starts(d), d.memory.restartingAll]).toEqual([[], undefined]);
  });

  test('after a restart of the kubelet the condition tells that it is under way', () => {
    const status = { conditions: [{ type: 'AllContainersRestarting', status: 'True' }] };
    const d = turn(podSpec, [box('b', 'running'), done], {}, { status });
    expect(starts(d)).toEqual(['stopContainer b-0']);
  });

  test('a Pod that is to end is ended', () => {
    const d = turn(podSpec, [source, box('b', 'running')], { terminate: [{ cause: 'preempted' }] });
    expect(d.memory.phase).toBe('Terminating');
    expect(whys(d)).not.toContain('RestartingContainer b');
  });
});
