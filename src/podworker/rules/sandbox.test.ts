import { decide } from './decide.ts';
import type { PodFacts, PodSlot } from './facts.ts';
import { sandboxChanged } from './sandbox.ts';
import {
  active,
  box,
  ended,
  factsOf,
  images,
  later,
  now,
  podOf,
  runtime,
  sandbox,
  spec,
  starts,
  turn,
  under,
  whys,
  withParts,
} from './testing.ts';

const host = { ...spec('Always', 'a'), hostNetwork: true };
const create = { kind: 'createSandbox', slot: 'sandbox', attempt: 0 } as const;

describe('when the newest sandbox can carry the Pod', () => {
  const dead = sandbox({ id: 's1', attempt: 1, ready: false });
  const rows: [string, ReturnType<typeof sandbox>[], boolean, boolean][] = [
    ['none', [], false, false],
    ['ready, with an address', [sandbox()], false, false],
    ['two are ready', [sandbox({ id: 's1', attempt: 1 }), sandbox()], false, true],
    ['none is ready', [dead, sandbox({ ready: false })], false, true],
    ['the newest is not ready, an older one is', [dead, sandbox()], false, true],
    ['its network is not the one of the Pod', [sandbox()], true, true],
    ['no address', [sandbox({ ips: [] })], false, true],
    ['no address, on the network of the host', [sandbox({ ips: [], hostNetwork: true })], true, false],
  ];
  test.each(rows)('%s', (_, sandboxes, hostNetwork, changed) => {
    const podSpec = hostNetwork ? host : spec('Always', 'a');
    expect(sandboxChanged(podOf(podSpec), sandboxes) !== undefined).toBe(changed);
  });
});

describe('a sandbox is made', () => {
  const fresh = (more: Partial<PodFacts> = {}, podSpec = spec('Always', 'a')) =>
    decide(factsOf(podOf(podSpec), { ...more, slots: { ...factsOf(null).slots, ...more.slots } }), active, now);

  test('with the first attempt number, and images are looked for meanwhile', () => {
    expect(fresh().start).toContainEqual({ ...create, attempt: 0 });
    expect(starts(fresh())).toContain('ensureImage a');
  });

  test('with the next number after a dead one', () => {
    const more = { runtime: runtime([], [sandbox({ attempt: 4, ready: false })]) };
    const facts = factsOf(podOf(spec('Always', 'a')), more);
    expect(decide(facts, { ...active, stoppedSandboxes: ['s0'] }, now).start).toContainEqual({ ...create, attempt: 5 });
  });

  describe('for a Pod with ResourceClaims', () => {
    const claiming = { ...spec('Always', 'a'), resourceClaims: [{ name: 'gpu', resourceClaimName: 'mine' }] };
    const action = { kind: 'prepareClaims', slot: 'claims', attempt: 0 } as const;
    const error = { reason: 'DynamicResources', message: 'prepare dynamic resources: no', settled: true };
    const failed = (more: Partial<PodFacts> = {}) =>
      fresh({ slots: { claims: ended(action, error, { failures: 1 }) }, ...more }, claiming);

    test('not before they are prepared; images are looked for meanwhile', () => {
      const d = fresh({}, claiming);
      expect(starts(d)).toEqual(['prepareClaims claims', 'ensureImage a']);
      expect(d.reasons).toContainEqual({ code: 'PreparingClaims' });
      expect(d.status?.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'ContainerCreating' } });
    });

    test('which names the driver that hangs', () => {
      const claims = under(action, 5);
      const d = fresh({ slots: { claims }, claimWait: 'NodePrepareResources of DRA driver gpu' }, claiming);
      expect(d.reasons).toContainEqual({
        code: 'PreparingClaims',
        since: 5,
        message: 'NodePrepareResources of DRA driver gpu',
      });
    });

    test('a failure is told as the Go kubelet tells it, and tried again later', () => {
      const d = failed();
      expect(starts(d)).toEqual(['ensureImage a']);
      expect(d.reasons).toContainEqual(
        expect.objectContaining({ code: 'DynamicResources', message: 'prepare dynamic resources: no' }),
      );
      expect(d.wakeAt).toBeGreaterThan(now.mono);
      const event = {
        type: 'Warning',
        reason: 'FailedPrepareDynamicResources',
        message: 'Failed to prepare dynamic resources: prepare dynamic resources: no',
      };
      expect(d.events).toEqual([event]);
    });

    test('at once when the driver has come', () => {
      expect(starts(failed({ claimDriverAt: now.mono }))).toContain('prepareClaims claims');
    });

    test('when they are prepared for this sandbox, and anew for the next', () => {
      const claims = ended(action);
      expect(starts(fresh({ slots: { claims } }, claiming))).toContain('createSandbox sandbox');
      const dead = runtime([], [sandbox({ attempt: 0, ready: false })]);
      const d = decide(
        factsOf(podOf(claiming), { runtime: dead, slots: { ...factsOf(null).slots, claims } }),
        { ...active, stoppedSandboxes: ['s0'] },
        now,
      );
      expect(d.start).toContainEqual({ ...action, attempt: 1 });
    });

    test('and one that runs already goes on', () => {
      const d = turn(claiming, [box('a', 'running')]);
      expect([starts(d), d.reasons, d.events]).toEqual([[], [], []]);
    });
  });

  test('not while the network is down, unless the Pod uses the network of the host', () => {
    const down = { node: { ...factsOf(null).node, networkReady: false, networkMessage: 'no CNI' } };
    expect(starts(fresh(down))).not.toContain('createSandbox sandbox');
    expect(whys(fresh(down))).toContain('NetworkNotReady');
    const facts = factsOf(podOf(spec('Always', 'a')), down);
    const first = decide(facts, active, now);
    const told = (d: typeof first) => d.events.filter(({ reason }) => reason === 'NetworkNotReady').length;
    expect([told(first), told(decide(facts, first.memory, now))]).toEqual([1, 0]);
    expect(starts(fresh(down, host))).toContain('createSandbox sandbox');
  });

  test('not while the runtime is not ready', () => {
    const d = fresh({ node: { ...factsOf(null).node, runtimeProblem: 'starting' } });
    expect([starts(d).includes('createSandbox sandbox'), whys(d)[0]]).toEqual([false, 'RuntimeNotReady']);
  });

  test('not before the Pod is prepared', () => {
    const d = decide(factsOf(podOf(spec('Always', 'a')), { slots: {} }), active, now);
    expect(starts(d)).toEqual(['preparePod prepare', 'ensureImage a']);
  });

  test('after a failure when its time has come: 250 ms, doubled, ±25 %', () => {
    const d = fresh({ slots: { sandbox: ended(create, {}, { failures: 3 }) } });
    expect(starts(d)).not.toContain('createSandbox sandbox');
    expect(d.wakeAt! - now.mono).toBeGreaterThan(1000 * 0.75 - 11);
    expect(d.wakeAt! - now.mono).toBeLessThan(1000 * 1.25);
    expect(d.events.map((e) => `${e.reason}: ${e.message}`)).toContain(
      'FailedCreatePodSandBox: Failed to create pod sandbox: broken',
    );
  });

  test('after an unknown outcome not before a read that was sent later', () => {
    const unknown = ended(create, { settled: false });
    const slots = { sandbox: { ...unknown, last: { ...unknown.last!, endedAt: 0, opensAt: 7 } } };
    const before = fresh({ slots, runtime: { ...runtime([], []), seq: 6 } });
    const after = fresh({ slots, runtime: { ...runtime([], []), seq: 7 } });
    expect([starts(before).includes('createSandbox sandbox'), whys(before)]).toEqual([
      false,
      expect.arrayContaining(['OutcomeUnknown']),
    ]);
    expect(starts(after)).toContain('createSandbox sandbox');
  });

  test('one that shows before it is ready is left alone while it is being made', () => {
    const d = fresh({ runtime: runtime([], [sandbox({ ready: false, ips: [] })]), slots: { sandbox: under(create) } });
    expect([starts(d), whys(d)[0]]).toEqual([['ensureImage a'], 'CreatingSandbox']);
  });
});

describe('a lost sandbox', () => {
  const lost = (containers: ReturnType<typeof box>[], memory = active) =>
    decide(
      factsOf(podOf(spec('Always', 'a b')), { runtime: runtime(containers, [sandbox({ ready: false })]) }),
      memory,
      now,
    );

  test('what still runs is stopped first, then it is stopped, then a new one is made', () => {
    expect(starts(lost([box('a', 'running'), box('b', 'unknown')]))).toEqual([
      'stopContainer a-0',
      'stopContainer b-0',
    ]);
    expect(starts(lost([box('a', 'exited', { exitCode: 137 })]))).toEqual(['stopSandbox s0', 'ensureImage b']);
    const stopped = { ...active, stoppedSandboxes: ['s0'] };
    expect(starts(lost([box('a', 'exited', { exitCode: 137 })], stopped))).toContain('createSandbox sandbox');
  });

  test('init containers run again in the new one', () => {
    const old = box('i', 'exited', { sandboxId: 'old', restartCount: 0 });
    const d = turn(spec('Always', 'a', 'i'), [old], { slots: images(1, 'i') }, { backoff: {} });
    expect(starts(d)).toContain('createContainer i');
  });

  test('a container that was made in the old one and never started goes with it', () => {
    const stranded = box('a', 'created', { id: 'a-9', sandboxId: 'old', createdAt: 1 });
    const d = turn(spec('Always', 'a'), [box('a', 'running'), stranded]);
    expect(starts(d)).toEqual(['removeContainer a-9']);
  });
});

describe('volumes', () => {
  const podSpec = withParts(
    {
      ...spec('Always', 'a'),
      volumes: [
        { name: 'v', configMap: { name: 'c' } },
        { name: 'unused', emptyDir: {} },
      ],
    },
    { a: { volumeMounts: [{ name: 'v', mountPath: '/v' }] } },
  );
  const keys = { volumeObjects: { v: ['ConfigMap ns/c'] } };
  const present = (version: string) => ({ 'ConfigMap ns/c': { state: 'present', version } as const });
  const mount = (objects: string) => ({ kind: 'mountVolume', slot: 'volume/v', volume: 'v', objects }) as const;
  const at = (facts: Partial<PodFacts>, memory = {}) =>
    decide(
      factsOf(podOf(podSpec), { ...keys, ...facts, slots: { ...factsOf(null).slots, ...facts.slots } }),
      { ...active, ...memory },
      now,
    );

  test('only mounted ones are set up, beside the sandbox', () => {
    const d = at({ objects: present('1') });
    expect(starts(d)).toEqual(['mountVolume v', 'createSandbox sandbox', 'ensureImage a']);
  });

  test('an object that is not known yet is waited for', () => {
    const d = at({ objects: { 'ConfigMap ns/c': { state: 'unknown', reason: 'no relationship found' } } });
    expect(d.reasons[0]).toEqual({
      code: 'AwaitingObject',
      object: 'ConfigMap ns/c',
      message: 'no relationship found',
    });
    expect(starts(d)).not.toContain('mountVolume v');
  });

  test('a failed first pass holds the sandbox back until all are there', () => {
    const failed = { 'volume/v': ended(mount('ConfigMap ns/c@present:1'), { message: 'no such key' }) };
    const d = at({ objects: present('1'), slots: failed });
    expect(starts(d)).toEqual(['ensureImage a']);
    expect(d.reasons).toContainEqual(expect.objectContaining({ code: 'VolumeFailed', message: 'no such key' }));
    expect(d.memory.volumesFailed).toBe(true);
    const v = { hostPath: '/v', digest: 'd', objects: 'ConfigMap ns/c@present:1' };
    const good = at({ objects: present('1'), volumes: { v } }, { volumesFailed: true });
    expect([starts(good).includes('createSandbox sandbox'), good.memory.volumesFailed]).toEqual([true, false]);
  });

  test('a changed object is tried at once, without back-off', () => {
    const failed = { 'volume/v': ended(mount('ConfigMap ns/c@present:1'), {}, { failures: 9 }) };
    expect(starts(at({ objects: present('2'), slots: failed }))).toContain('mountVolume v');
    expect(at({ objects: present('1'), slots: failed }).wakeAt).toBe(now.mono - 10 + 122_000);
  });

  test('a claim that leads to another volume ends the wait for the first one, and nothing else does', () => {
    const claim = 'PersistentVolumeClaim ns/data';
    const facts = (volume: string, running: PodSlot, version = '1'): Partial<PodFacts> => ({
      volumeObjects: { v: [claim, `PersistentVolume /${volume}`] },
      objects: {
        [claim]: { state: 'present', version },
        [`PersistentVolume /${volume}`]: { state: 'present', version },
      },
      slots: { 'volume/v': running },
    });
    const waiting = mount(`${claim}@present:1 PersistentVolume /one@present:1`);
    expect(at(facts('one', under(waiting))).abort).toEqual([]);
    expect(at(facts('one', under(waiting), '2')).abort).toEqual([]);
    expect(at(facts('two', under(waiting))).abort).toEqual(['volume/v']);
    const given = ended(waiting, { reason: 'Aborted', message: 'no longer wanted' });
    const next = at(facts('two', given));
    expect([starts(next).includes('mountVolume v'), next.events, next.memory.volumesFailed]).toEqual([true, [], false]);
  });

  test('a CSIDriver that appears or changes ends the wait: it may say that the volume is not attached at all', () => {
    const volume = 'PersistentVolume /one';
    const facts = (driver: PodFacts['objects'][string], running: string): Partial<PodFacts> => ({
      volumeObjects: { v: [volume, 'CSIDriver /d'] },
      objects: { [volume]: { state: 'present', version: '2' }, 'CSIDriver /d': driver },
      slots: { 'volume/v': under(mount(running)) },
    });
    const waiting = `${volume}@present:1 CSIDriver /d@absent:`;
    expect(at(facts({ state: 'absent' }, waiting)).abort).toEqual([]);
    expect(at(facts({ state: 'present', version: '7' }, waiting)).abort).toEqual(['volume/v']);
    // An inline volume waits for no attachment.
    expect(at(facts({ state: 'present', version: '7' }, 'CSIDriver /d@absent:')).abort).toEqual([]);
  });

  test('a volume is renewed when its object changed or its token is due, and nothing waits for that', () => {
    const v = { hostPath: '/v', digest: 'd', objects: 'ConfigMap ns/c@present:1' };
    const run = (version: string, refreshAt?: number) =>
      turn(podSpec, [box('a', 'running')], {
        ...keys,
        objects: present(version),
        volumes: { v: { ...v, ...(refreshAt === undefined ? {} : { refreshAt }) } },
      });
    expect(starts(run('1'))).toEqual([]);
    expect([starts(run('2')), run('2').reasons]).toEqual([['mountVolume v'], []]);
    expect(starts(run('1', now.wall))).toEqual(['mountVolume v']);
    expect(run('1', now.wall + 5000).wakeAt).toBe(now.mono + 5000);
  });

  test('a token that is due and came back as it was is asked for again after a pause, not in a circle', () => {
    const objects = 'ConfigMap ns/c@present:1';
    const v = { hostPath: '/v', digest: 'd', objects, refreshAt: now.wall - 1000 };
    const slots = { 'volume/v': ended(mount(objects)) };
    const run = (version: string, at: typeof now) =>
      turn(podSpec, [box('a', 'running')], { ...keys, objects: present(version), volumes: { v }, slots }, {}, at);
    const d = run('1', now);
    expect(starts(d)).toEqual([]);
    expect(d.wakeAt! - now.mono).toBeGreaterThan(44_000);
    expect(d.wakeAt! - now.mono).toBeLessThan(76_000);
    expect(starts(run('1', later(76)))).toEqual(['mountVolume v']);
    expect(starts(run('2', now))).toEqual(['mountVolume v']);
  });
});
