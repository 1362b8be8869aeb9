import type { Container } from '../../types/k8s.ts';
import type { PodFacts } from './facts.ts';
import { box, ended, images, now, spec, starts, turn, under, whys, withParts } from './testing.ts';

const hook = { exec: { command: ['x'] } };
const probe = { httpGet: { port: 80 } };
const start = (name: string) =>
  ({ kind: 'startContainer', slot: `container/${name}`, container: name, containerId: `${name}-0` }) as const;

describe('init containers and sidecars', () => {
  const podSpec = spec('Always', 'm', 'i s* j');
  const first = { slots: images(0, 'i', 's', 'j', 'm') };
  const again = { slots: images(1, 'i', 's', 'j', 'm') };
  const i = box('i', 'exited');
  const s = box('s', 'running');
  const j = box('j', 'exited');
  const rows: [string, ReturnType<typeof box>[], Partial<PodFacts>, string[]][] = [
    ['nothing ran: the first', [], first, ['createContainer i']],
    ['it runs: wait', [box('i', 'running')], first, []],
    ['it succeeded: the sidecar', [i], first, ['createContainer s']],
    ['it failed: again', [box('i', 'exited', { exitCode: 1 })], again, ['createContainer i']],
    [
      'an OOM kill with exit code 0 failed too',
      [box('i', 'exited', { reason: 'OOMKilled' })],
      again,
      ['createContainer i'],
    ],
    ['the sidecar is up: the next', [s, i], first, ['createContainer j']],
    [
      'the sidecar is down, and the next has begun: both go on',
      [box('s', 'exited'), i, box('j', 'exited', { exitCode: 1 })],
      again,
      ['createContainer s', 'createContainer j'],
    ],
    ['the sidecar ended with success: again', [box('s', 'exited'), i], again, ['createContainer s']],
    ['all are done: the main one', [s, i, j], first, ['createContainer m']],
    ['the runtime forgot the first ones: go on from the last', [j, s], first, ['createContainer m']],
    ['all forgotten but the sidecar: from the sidecar', [s], first, ['createContainer j']],
    ['initialized: only sidecars come back', [box('m', 'running'), box('s', 'exited')], again, ['createContainer s']],
    ['initialized, sidecar forgotten: it comes back', [box('m', 'running'), i, j], first, ['createContainer s']],
    ['initialized: plain ones do not', [box('m', 'running'), s], first, []],
    ['a sidecar of unknown state is killed first', [box('s', 'unknown'), i], again, ['stopContainer s-0']],
  ];
  test.each(rows)('%s', (_, containers, facts, expected) => {
    const started = starts(turn(podSpec, containers, facts)).filter((x) => !x.startsWith('ensureImage'));
    expect(started).toEqual(expected);
  });

  test('later ones say whom they wait for', () => {
    const d = turn(podSpec, [box('i', 'running')], first);
    expect(whys(d)).toEqual(['InitContainer i', 'AfterContainer s', 'AfterContainer j', 'AfterContainer m']);
  });

  test('a failure under policy Never ends the Pod', () => {
    const d = turn(spec('Never', 'm', 'i'), [box('i', 'exited', { exitCode: 1 })]);
    expect([d.memory.phase, d.memory.termination?.cause]).toEqual(['Terminating', 'completed']);
  });

  test('a sidecar is up when its startup probe has passed', () => {
    const probed = withParts(podSpec, { s: { startupProbe: probe } });
    const at = (started: boolean) =>
      turn(probed, [s, i], { ...first, probes: { s: { containerId: 's-0', started, ready: started } } });
    expect([starts(at(false)), starts(at(true))]).toEqual([[], ['createContainer j']]);
  });

  test('a sidecar that is not ready explains why the Pod is not', () => {
    const probed = withParts(podSpec, { s: { readinessProbe: probe } });
    expect(whys(turn(probed, [box('m', 'running'), s, i, j]))).toEqual(['ReadinessProbe s']);
  });

  test('ephemeral containers start at any time, and once', () => {
    const withEphemeral = { ...podSpec, ephemeralContainers: [{ name: 'e', image: 'img' }] };
    const e = { slots: { ...first.slots, ...images(0, 'e') } };
    expect(starts(turn(withEphemeral, [box('i', 'running')], e))).toEqual(['createContainer e']);
    expect(starts(turn(withEphemeral, [box('i', 'running'), box('e', 'exited')], e))).toEqual([]);
  });
});

describe('main containers', () => {
  const all = { slots: images(0, 'a', 'b', 'c') };

  test('are made side by side and started in order', () => {
    expect(starts(turn(spec('Always', 'a b c'), [], all))).toEqual([
      'createContainer a',
      'createContainer b',
      'createContainer c',
    ]);
    const made = turn(spec('Always', 'a b c'), [box('a', 'created'), box('b', 'created')], all);
    expect(starts(made)).toEqual(['startContainer a', 'createContainer c']);
    expect(made.reasons).toContainEqual({ code: 'AfterContainer', container: 'b', waitsFor: 'a' });
  });

  test('the next one waits for the postStart hook of the one before', () => {
    const hooked = withParts(spec('Always', 'a b'), { a: { lifecycle: { postStart: hook } } });
    const containers = [box('a', 'running'), box('b', 'created')];
    const slots = { 'container/a': ended(start('a')) };
    expect(starts(turn(hooked, containers, { slots }))).toEqual(['postStart a']);
    const post = { kind: 'postStart', slot: 'poststart/a', container: 'a', containerId: 'a-0' } as const;
    expect(starts(turn(hooked, containers, { slots: { ...slots, 'poststart/a': under(post) } }))).toEqual([]);
    expect(starts(turn(hooked, containers, { slots: { ...slots, 'poststart/a': ended(post) } }))).toEqual([
      'startContainer b',
    ]);
    const failed = turn(hooked, containers, { slots: { ...slots, 'poststart/a': ended(post, {}) } });
    expect(starts(failed)).toEqual(['stopContainer a-0', 'startContainer b']);
    expect(failed.events[0]?.message).toBe('FailedPostStartHook');
  });

  test('after a restart of the kubelet a running container had its hook', () => {
    const hooked = withParts(spec('Always', 'a'), { a: { lifecycle: { postStart: hook } } });
    expect(starts(turn(hooked, [box('a', 'running')]))).toEqual([]);
  });

  test('a refused start holds back itself only', () => {
    const slots = { 'container/a': ended(start('a'), { reason: 'RunContainerError', message: 'no such file' }) };
    const d = turn(spec('Always', 'a b'), [box('a', 'created'), box('b', 'created')], { slots });
    expect(starts(d)).toEqual(['startContainer b']);
    expect(d.reasons[0]).toMatchObject({ code: 'ContainerFailed', container: 'a', reason: 'RunContainerError' });
  });

  test('a changed object lets a failed creation try again at once', () => {
    const make = { kind: 'createContainer', slot: 'container/a', container: 'a', sandboxId: 's0', attempt: 0 } as const;
    const failed = ended(
      { ...make, objects: 'Secret ns/s@absent:' },
      { reason: 'CreateContainerConfigError' },
      { failures: 9 },
    );
    const last = { ...failed.last!, endedAt: now.mono - 20 };
    const at = (version?: string) =>
      turn(spec('Always', 'a'), [], {
        slots: { ...images(0, 'a'), 'container/a': { ...failed, last } },
        envObjects: { a: ['Secret ns/s'] },
        objects: { 'Secret ns/s': version ? { state: 'present', version } : { state: 'absent' } },
      });
    expect([starts(at()), whys(at())]).toEqual([[], ['ContainerConfig a']]);
    expect(starts(at('1'))).toEqual(['createContainer a']);
  });

  test('one whose start is under way is not torn away when its definition changes', () => {
    const d = turn(spec('Always', 'a'), [box('a', 'created', { hash: 'old' })], {
      slots: { 'container/a': under(start('a')) },
    });
    expect([starts(d), whys(d)]).toEqual([[], ['StartingContainer a']]);
  });
});

describe('why a running container is stopped while its Pod goes on', () => {
  const failed = (which: 'liveness' | 'startup', name = 'a') => ({
    probes: { [name]: { containerId: `${name}-0`, started: false, ready: false, failed: which } },
  });
  const parts: Partial<Container> = {
    livenessProbe: { ...probe, terminationGracePeriodSeconds: 7 },
    startupProbe: probe,
  };
  const changed = { hash: 'old' };
  const rows: [string, string, ReturnType<typeof box>, Partial<PodFacts>, string, number][] = [
    ['Always', 'a', box('a', 'running', changed), {}, 'Container a definition changed, will be restarted', 30],
    ['Never', 'a', box('a', 'running', changed), {}, 'Container a definition changed, will be restarted', 30],
    ['Always', 'a', box('a', 'running'), failed('liveness'), 'Container a failed liveness probe, will be restarted', 7],
    ['Never', 'a', box('a', 'running'), failed('liveness'), 'Container a failed liveness probe', 7],
    ['Always', 'a', box('a', 'running'), failed('startup'), 'Container a failed startup probe, will be restarted', 30],
    ['Always', 'a', box('a', 'unknown'), {}, 'Container is in "unknown" state, try killing it before restart', 30],
    ['Always', 's', box('s', 'running', changed), {}, 'Init container s definition changed', 30],
    ['Always', 's', box('s', 'running'), failed('liveness', 's'), 'Init container s failed liveness probe', 7],
    ['Always', 's', box('s', 'unknown'), {}, 'Init container is in "unknown" state, try killing it before restart', 30],
  ];
  test.each(rows)('policy %s, %s: %#', (policy, name, container, facts, message, seconds) => {
    const podSpec = withParts(spec(policy, 'a b', 's*'), { [name]: parts });
    const others = ['a', 'b', 's'].filter((n) => n !== name).map((n) => box(n, 'running'));
    const d = turn({ ...podSpec, terminationGracePeriodSeconds: 30 }, [container, ...others], facts);
    expect(d.start).toEqual([expect.objectContaining({ kind: 'stopContainer', containerId: container.id, seconds })]);
    expect(d.events.map((e) => [e.reason, e.message])).toEqual([['Killing', message]]);
    expect(d.memory.phase).toBe('Active');
  });

  test('a verdict on an earlier container of that name counts for nothing', () => {
    const old = { probes: { a: { containerId: 'a-older', started: true, ready: true, failed: 'liveness' as const } } };
    expect(starts(turn(withParts(spec('Always', 'a'), { a: parts }), [box('a', 'running')], old))).toEqual([]);
  });

  test('killed for its liveness it runs again although it exited with 0', () => {
    const kill = { message: '', reason: 'liveness', since: 0, graceSeconds: 30 } as const;
    const d = turn(
      spec('OnFailure', 'a b'),
      [box('a', 'exited'), box('b', 'running')],
      { slots: images(1, 'a') },
      { kills: { 'a-0': kill } },
    );
    expect(starts(d)).toEqual(['createContainer a']);
  });

  test('when the last main container ends for good, the Pod ends, and its sidecars are left alone until then', () => {
    const ending = failed('liveness');
    const sidecar = box('s', 'exited', { exitCode: 1 });
    const podSpec = withParts(spec('Never', 'a b', 's*'), { a: parts });
    const d = turn(podSpec, [box('a', 'running'), box('b', 'exited'), sidecar], ending);
    expect([d.memory.phase, d.memory.termination?.cause]).toEqual(['Terminating', 'completed']);
    expect(starts(d)).toEqual(['stopContainer a-0']);
    expect(d.start).toEqual([expect.objectContaining({ seconds: 7 })]);
    expect(d.events.map((e) => e.message)).toEqual(['Container a failed liveness probe']);
    expect(d.status?.phase).toBe('Running');
    const goesOn = turn(podSpec, [box('a', 'running'), box('b', 'running'), sidecar], ending);
    expect(goesOn.memory.phase).toBe('Active');
    const again = withParts(spec('OnFailure', 'a', 's*'), { a: parts });
    expect(turn(again, [box('a', 'running'), sidecar], ending).memory.phase).toBe('Active');
  });
});
