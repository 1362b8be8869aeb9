import type { TerminateRequest } from '../../pods/facts.ts';
import type { Pod } from '../../types/k8s.ts';
import { restore } from './checkpointed.ts';
import { type Decision, decide } from './decide.ts';
import type { PodFacts, PodSlot } from './facts.ts';
import { freshMemory, type PodMemory } from './memory.ts';
import {
  active,
  box,
  ended,
  factsOf,
  later,
  node,
  now,
  podOf,
  runtime,
  sandbox,
  spec,
  starts,
  under,
  whys,
  withParts,
} from './testing.ts';

const deleting = (podSpec = spec('Always', 'a'), grace?: number, more: object = {}): Pod =>
  podOf(
    podSpec,
    {},
    {
      deletionTimestamp: '2026-01-01T01:00:00Z',
      ...(grace === undefined ? {} : { deletionGracePeriodSeconds: grace }),
      ...more,
    },
  );
const stop = (seconds: number) =>
  ({ kind: 'stopContainer', slot: 'stop/a-0', container: 'a', containerId: 'a-0', seconds }) as const;
const at = (pod: Pod | null, facts: Partial<PodFacts>, memory: Partial<PodMemory> = {}, time = now): Decision =>
  decide(factsOf(pod, { runtime: runtime([box('a', 'running')]), ...facts }), { ...active, ...memory }, time);

describe('requests to end a Pod are merged', () => {
  const evicted: TerminateRequest = { cause: 'evicted', graceSeconds: 10, reason: 'Evicted', message: 'm' };
  const rows: [string, TerminateRequest[], Pod, number, string][] = [
    [
      "the Pod's own grace",
      [{ cause: 'preempted' }],
      podOf({ ...spec('Always', 'a'), terminationGracePeriodSeconds: 45 }),
      45,
      'preempted',
    ],
    ['30 s when it has none', [{ cause: 'preempted' }], podOf(spec('Always', 'a')), 30, 'preempted'],
    ['at least one second', [{ ...evicted, graceSeconds: 0 }], podOf(spec('Always', 'a')), 1, 'evicted'],
    ['the shorter grace, the first cause', [evicted], deleting(undefined, 5), 5, 'evicted'],
    ['a longer one changes nothing', [evicted], deleting(undefined, 60), 10, 'evicted'],
    ['a deletion alone', [], deleting(undefined, 5), 5, 'deleted'],
  ];
  test.each(rows)('%s', (_, terminate, pod, graceSeconds, cause) => {
    expect(at(pod, { terminate }).memory.termination).toMatchObject({ graceSeconds, cause });
  });

  test('what was begun of a second counts as whole: a quick preStop hook costs no grace', () => {
    const pod = deleting(undefined, 5);
    const first = at(pod, {});
    expect(first.start).toMatchObject([{ kind: 'stopContainer', seconds: 5 }]);
    for (const [passed, seconds] of [
      [0.9, 5],
      [1, 4],
      [3.5, 2],
      [60, 2],
    ] as const) {
      expect(at(pod, {}, first.memory, later(passed)).start).toMatchObject([{ kind: 'stopContainer', seconds }]);
    }
  });

  test('a StopContainer that was sent late is not sent again before it has ended', () => {
    const first = at(deleting(undefined, 2), {});
    for (const late of [0.4, 3, 60]) {
      const slots = { 'stop/a-0': under(stop(2), later(late).mono) };
      for (const more of [0.01, 0.5, 1.9]) {
        const d = at(deleting(undefined, 2), { slots }, first.memory, later(late + more));
        expect([d.abort, starts(d)]).toEqual([[], []]);
      }
    }
  });

  test('grace only shrinks, and the deadline with it; the words of the first cause stay', () => {
    const first = at(podOf(spec('Always', 'a')), { terminate: [evicted] });
    const second = decide(
      factsOf(deleting(undefined, 1), { terminate: [evicted], runtime: runtime([box('a', 'running')]) }),
      first.memory,
      later(3),
    );
    const t = second.memory.termination!;
    expect(t).toMatchObject({ cause: 'evicted', reason: 'Evicted', graceSeconds: 1, deadline: now.wall + 4000 });
    const third = decide(factsOf(deleting(undefined, 60)), second.memory, later(3));
    expect(third.memory.termination).toEqual(t);
  });

  test('activeDeadlineSeconds counts from startTime, and wakes in time', () => {
    const pod = podOf(
      { ...spec('Always', 'a'), activeDeadlineSeconds: 3_605 },
      { status: { startTime: '2026-01-01T00:00:00Z' } },
    );
    expect(at(pod, {}).wakeAt).toBe(now.mono + 5_000);
    const over = at(pod, {}, {}, later(5));
    expect(over.memory.termination).toMatchObject({ cause: 'deadline', reason: 'DeadlineExceeded' });
    expect(over.memory.termination?.message).toBe('Pod was active on the node longer than the specified deadline');
  });
});

describe('StopContainer', () => {
  test('is sent with what is left of the grace, and never with less than 2 s', () => {
    expect(at(deleting(undefined, 5), {}).start).toEqual([stop(5)]);
    expect(at(deleting(undefined, 1), {}).start).toEqual([stop(2)]);
  });

  test('is cut off when the grace shrinks, and sent again at once', () => {
    const running = { 'stop/a-0': under(stop(30), now.mono) };
    const first = at(deleting(undefined, 30), { slots: running });
    expect(first.abort).toEqual([]);
    const shorter = decide(
      factsOf(deleting(undefined, 1), { runtime: runtime([box('a', 'running')]), slots: running }),
      first.memory,
      now,
    );
    expect(shorter.abort).toEqual(['stop/a-0']);
    const cut = { 'stop/a-0': ended(stop(30), { reason: 'Canceled', settled: false }, { failures: 0 }) };
    const again = decide(
      factsOf(deleting(undefined, 1), { runtime: runtime([box('a', 'running')]), slots: cut }),
      shorter.memory,
      now,
    );
    expect(again.start).toEqual([stop(2)]);
  });

  test('is not cut off for a second or two', () => {
    const running = { 'stop/a-0': under(stop(5), now.mono) };
    expect(at(deleting(undefined, 3), { slots: running }).abort).toEqual([]);
  });

  test('is repeated after a failure in its time', () => {
    const failed = { 'stop/a-0': ended(stop(5), {}, { failures: 2 }) };
    const d = at(deleting(undefined, 5), { slots: failed });
    expect(starts(d)).toEqual([]);
    expect(d.wakeAt).toBeGreaterThan(now.mono);
    expect(starts(at(deleting(undefined, 5), { slots: failed }, {}, later(1)))).toEqual(['stopContainer a-0']);
  });
});

describe('preStop', () => {
  const pod = deleting(
    withParts(spec('Always', 'a'), { a: { lifecycle: { preStop: { exec: { command: ['x'] } } } } }),
    10,
  );
  const hook = { kind: 'preStop', slot: 'prestop/a-0', container: 'a', containerId: 'a-0', seconds: 10 } as const;
  const saved = (d: Decision): Record<string, PodSlot> => {
    const action = d.start.find((a) => a.kind === 'saveCheckpoint')!;
    return { checkpoint: ended(action) };
  };

  test('starts after the note that it began is on disk; StopContainer after it ended', () => {
    const first = at(pod, {});
    expect(starts(first)).toEqual(['saveCheckpoint checkpoint']);
    const facts = { runtime: runtime([box('a', 'running')]) };
    const second = decide(factsOf(pod, { ...facts, slots: saved(first) }), first.memory, now);
    expect(second.start).toEqual([hook]);
    expect(whys(second)).toEqual(['PreStopHook a']);
    const runs = decide(
      factsOf(pod, { ...facts, slots: { ...saved(first), 'prestop/a-0': under(hook) } }),
      second.memory,
      now,
    );
    expect(starts(runs)).toEqual([]);
    const over = decide(
      factsOf(pod, { ...facts, slots: { ...saved(first), 'prestop/a-0': ended(hook) } }),
      runs.memory,
      later(4),
    );
    expect(over.start[0]).toEqual(stop(6));
  });

  test('a full disk holds it up no longer than one attempt to write this very note', () => {
    const first = at(pod, {});
    const facts = { runtime: runtime([box('a', 'running')]) };
    const save = first.start.find((a) => a.kind === 'saveCheckpoint')!;
    const withSlot = (checkpoint: PodSlot) =>
      decide(factsOf(pod, { ...facts, slots: { checkpoint } }), first.memory, now);
    expect(withSlot(ended(save, {})).start).toContainEqual(hook);
    const older = { ...save, checkpoint: { uid: 'u', namespace: 'ns', name: 'p', preStop: { 'b-0': { begun: 1 } } } };
    const afterOther = withSlot(ended(older as typeof save, {}, { failures: 9 }));
    expect(afterOther.start).not.toContainEqual(hook);
    expect(starts(afterOther)).toEqual(['saveCheckpoint checkpoint']);
    expect(starts(withSlot(ended(save, {}, { failures: 9 })))).not.toContain('saveCheckpoint checkpoint');
  });

  test('is cut off at the deadline', () => {
    const slots = { 'prestop/a-0': under(hook) };
    const memory = at(pod, {}).memory;
    const d = decide(factsOf(pod, { runtime: runtime([box('a', 'running')]), slots }), memory, later(10));
    expect(d.abort).toEqual(['prestop/a-0']);
    expect(d.start).toContainEqual(stop(2));
  });

  test('does not run again after a restart of the kubelet', () => {
    const first = at(pod, {});
    const action = first.start.find((a) => a.kind === 'saveCheckpoint');
    const checkpoint = JSON.parse(JSON.stringify(action?.kind === 'saveCheckpoint' ? action.checkpoint : null));
    const memory = restore(freshMemory(), checkpoint);
    const d = decide(factsOf(pod, { runtime: runtime([box('a', 'running')]), slots: {} }), memory, later(3));
    expect(d.start.map((a) => a.kind)).toContain('stopContainer');
    expect(d.start.map((a) => a.kind)).not.toContain('preStop');
    expect(d.memory.termination!.deadline).toBe(now.wall + 10_000);
  });
});

test.each([
  ['removed', undefined],
  ['orphaned', undefined],
  ['evicted', { cause: 'evicted' }],
  ['deleted', { cause: 'deleted' }],
] as const)(
  'after a restart the end of a Pod that was %s is taken from the note: only what the sources do not tell again',
  (cause, expected) => {
    const termination = { cause, graceSeconds: 5, deadline: now.wall };
    const checkpoint = { uid: 'u', namespace: 'ns', name: 'p', preStop: { x: { begun: 1 } }, termination };
    const memory = restore(freshMemory(), checkpoint);
    expect(memory.preStop).toEqual({ x: { begun: 1, ended: 1 } });
    if (expected) expect(memory.termination).toMatchObject(expected);
    else expect(memory.termination).toBeUndefined();
  },
);

test('nothing is taken down while the first things of the Pod are still being made', () => {
  const dead = runtime([box('a', 'exited')], []);
  const unmounted = { phase: 'Terminating', returned: ['volumes'] } as const;
  const slots = { prepare: under({ kind: 'preparePod', slot: 'prepare' }) };
  const d = at(deleting(), { runtime: dead, slots }, unmounted);
  expect([starts(d), d.abort, d.memory.phase]).toEqual([[], ['prepare'], 'Terminating']);
  expect(at(deleting(), { runtime: dead, slots: {} }, unmounted).memory.phase).toBe('Cleaning');
});

describe('the order of the end', () => {
  test('sidecars stop after the main containers, the last started first, while the grace lasts', () => {
    const pod = deleting(spec('Always', 'a', 's* t*'), 10);
    const at2 = (names: string[], time = now) =>
      starts(
        at(
          pod,
          { runtime: runtime(names.map((n) => box(n, 'running'))) },
          { termination: { cause: 'deleted', graceSeconds: 10, since: now.wall, deadline: now.wall + 10_000 } },
          time,
        ),
      );
    expect(at2(['a', 's', 't'])).toEqual(['stopContainer a-0']);
    expect(at2(['s', 't'])).toEqual(['stopContainer t-0']);
    expect(at2(['s'])).toEqual(['stopContainer s-0']);
    expect(at2(['a', 's', 't'], later(10))).toHaveLength(3);
  });

  test('an init container that still runs holds no sidecar', () => {
    const running = runtime([box('i', 'running'), box('s', 'running')]);
    expect(starts(at(deleting(spec('Always', 'a', 's* i'), 10), { runtime: running }))).toEqual([
      'stopContainer i-0',
      'stopContainer s-0',
    ]);
  });

  test('a start under way counts as running: its sidecar waits', () => {
    const start = { kind: 'startContainer', slot: 'container/a', container: 'a', containerId: 'a-0' } as const;
    const d = at(deleting(spec('Always', 'a', 's*'), 10), {
      runtime: runtime([box('s', 'running'), box('a', 'created')]),
      slots: { 'container/a': under(start) },
    });
    expect([starts(d), d.abort]).toEqual([[], ['container/a']]);
    expect(d.reasons).toContainEqual({ code: 'StopTurn', container: 's', waitsFor: ['a'] });
  });

  const create = { kind: 'createSandbox', slot: 'sandbox', attempt: 0 } as const;
  test('waits for creations under way and for unknown outcomes', () => {
    const none = { runtime: runtime([], []) };
    const unknown = ended(create, { settled: false });
    const waits = at(deleting(), { ...none, slots: { sandbox: under(create) } });
    expect([starts(waits), waits.abort, whys(waits)]).toEqual([[], ['sandbox'], ['SettlingAction']]);
    const unread = at(deleting(), {
      ...none,
      slots: { sandbox: { ...unknown, last: { ...unknown.last!, opensAt: 9 } } },
    });
    expect([starts(unread), whys(unread)]).toEqual([[], ['OutcomeUnknown']]);
    expect(starts(at(deleting(), none))).toContain('removeCgroup cgroup');
  });

  test('volumes go beside the sandbox, and not before a mount under way has settled', () => {
    const dead = { runtime: runtime([box('a', 'exited')]) };
    expect(starts(at(deleting(), dead))).toEqual(['unmountVolumes volumes', 'stopSandbox s0']);
    const mount = { kind: 'mountVolume', slot: 'volume/v', volume: 'v', objects: '' } as const;
    const d = at(deleting(), { ...dead, slots: { 'volume/v': under(mount) } });
    expect([starts(d), d.abort]).toEqual([['stopSandbox s0'], ['volume/v']]);
  });

  test('an eviction is on disk before anything is stopped; a deletion need not be', () => {
    const evict = { terminate: [{ cause: 'evicted' as const }] };
    const first = at(podOf(spec('Always', 'a')), evict);
    expect(starts(first)).toEqual(['saveCheckpoint checkpoint']);
    const slots = { checkpoint: ended(first.start[0]!) };
    const second = decide(
      factsOf(podOf(spec('Always', 'a')), { ...evict, slots, runtime: runtime([box('a', 'running')]) }),
      first.memory,
      now,
    );
    expect(starts(second)).toEqual(['stopContainer a-0']);
    expect(starts(at(deleting(), {}))).toEqual(['stopContainer a-0']);
    // A note of something else that could not be written says nothing about this one.
    const other = { kind: 'saveCheckpoint', slot: 'checkpoint' } as const;
    const checkpoint = { uid: 'u', namespace: 'ns', name: 'p', preStop: { 'b-0': { begun: 1 } } };
    const failed = at(podOf(spec('Always', 'a')), {
      ...evict,
      slots: { checkpoint: ended({ ...other, checkpoint }, {}) },
    });
    expect(starts(failed)).not.toContain('stopContainer a-0');
  });

  test('a question to the ledger that still waits is taken back', () => {
    const slots = { ledger: under({ kind: 'reserve', slot: 'ledger' }) };
    const d = at(
      deleting(),
      { slots, admission: { state: 'unasked' }, runtime: runtime([], []) },
      { phase: 'Admitting' },
    );
    expect(d.abort).toEqual(['ledger']);
  });
});

describe('after the end', () => {
  const over: PodMemory = {
    ...freshMemory(),
    phase: 'Finished',
    returned: ['volumes', 'cgroup', 'reservation'],
    stoppedSandboxes: ['s0'],
    termination: { cause: 'deleted', graceSeconds: 1, since: now.wall, deadline: now.wall },
  };
  const dead = runtime([box('a', 'exited')], [sandbox({ ready: false })]);
  const end = (pod: Pod | null, more: Partial<PodFacts> = {}) =>
    decide(factsOf(pod, { runtime: dead, ...more }), over, now);
  const accepted = { accepted: { phase: 'Failed' } };
  const deleted = { api: ended({ kind: 'deleteApiPod', slot: 'api' }) };

  test('nothing is removed before the API has the terminal status', () => {
    const d = end(deleting(), { statusProblem: 'the API does not answer' });
    expect([starts(d), d.reasons]).toEqual([
      [],
      [{ code: 'StatusWrite', what: 'the terminal status', problem: 'the API does not answer' }],
    ]);
    expect(starts(end(deleting(), { node: { ...node, api: false } }))).toContain('deleteApiPod api');
  });

  test('then the object is deleted, then what is left is removed, containers first', () => {
    expect(starts(end(deleting(), accepted))).toEqual(['deleteApiPod api']);
    expect(starts(end(deleting(), { ...accepted, slots: deleted }))).toEqual(['removeContainer a-0']);
    const empty = { ...accepted, slots: deleted, runtime: runtime([], [sandbox({ ready: false })]) };
    expect(starts(end(deleting(), empty))).toEqual(['removeSandbox s0']);
    expect(starts(end(deleting(), { ...empty, runtime: runtime([], []) }))).toEqual(['removePodFiles files']);
    const files = { ...deleted, files: ended({ kind: 'removePodFiles', slot: 'files' }) };
    expect(end(deleting(), { ...empty, slots: files, runtime: runtime([], []) }).done).toBe(true);
  });

  test('finalizers keep the Pod, and are named', () => {
    const d = end(deleting(undefined, 1, { finalizers: ['x/y'] }), { ...accepted, slots: deleted });
    expect([starts(d), d.done]).toEqual([[], false]);
    expect(d.reasons).toContainEqual({ code: 'Finalizers', finalizers: ['x/y'] });
  });

  test('a Pod that ended by itself keeps its containers while the API has it', () => {
    expect(starts(end(podOf(spec('Never', 'a')), accepted))).toEqual([]);
    expect(starts(end(podOf(spec('Never', 'a')), { gone: true }))).toEqual(['removeContainer a-0']);
  });

  test('what a late call brings up after the end is stopped', () => {
    expect(starts(end(deleting(), { runtime: runtime([box('a', 'running')]) }))).toEqual(['stopContainer a-0']);
    expect(starts(end(deleting(), { runtime: runtime([], [sandbox({ id: 's9' })]) }))).toEqual(['stopSandbox s9']);
  });

  test('a terminal phase in the API is final over a restart', () => {
    const pod = podOf(spec('Always', 'a'), { status: { phase: 'Succeeded' } });
    const d = decide(factsOf(pod, { admission: { state: 'unasked' }, runtime: dead }), freshMemory(), now);
    expect([d.memory.phase, starts(d)]).toEqual(['Terminating', ['unmountVolumes volumes', 'stopSandbox s0']]);
  });
});

describe('Events of an end', () => {
  const events = (d: Decision) => d.events.map((e) => `${e.type} ${e.reason} ${e.message}`);

  test('the deadline is told once', () => {
    const late = podOf(
      { ...spec('Always', 'a'), activeDeadlineSeconds: 1 },
      { status: { startTime: '2026-01-01T00:00:00Z' } },
    );
    const d = at(late, {}, { phase: 'Active' });
    const told = 'Normal DeadlineExceeded Pod was active on the node longer than the specified deadline';
    expect(events(d)).toEqual([told, 'Normal Killing Stopping container a']);
    const next = decide(factsOf(late, { runtime: runtime([box('a', 'running')]) }), d.memory, later(1));
    expect(events(next)).toEqual([]);
  });

  test('a Pod that ended long before its deadline passed is not told to have exceeded it, at a later start either', () => {
    const status = { phase: 'Succeeded', startTime: '2026-01-01T00:00:00Z' } as const;
    const over = podOf({ ...spec('Never', 'a'), activeDeadlineSeconds: 1 }, { status });
    const d = at(over, { runtime: runtime([box('a', 'exited')]) }, { phase: 'Admitting' });
    expect([d.memory.termination?.cause, events(d)]).toEqual(['completed', []]);
  });

  test('a stop that failed is told, once for each attempt; one that was cut off is not', () => {
    const broken = (reason: string) => ({ 'stop/a-0': ended(stop(30), { reason, message: 'stuck' }, { failures: 1 }) });
    const text = 'failed to "KillContainer" for "a" with KillContainerError: "stuck"';
    expect(events(at(deleting(), { slots: broken('Unknown') }))).toContain(
      `Warning FailedKillPod error killing pod: ${text}`,
    );
    for (const cutOff of ['Aborted', 'Canceled'])
      expect(events(at(deleting(), { slots: broken(cutOff) }))).toEqual(['Normal Killing Stopping container a']);
    const dead = runtime([box('a', 'exited')]);
    const sandboxStop = { kind: 'stopSandbox', slot: 'sandbox/s0', sandboxId: 's0' } as const;
    const d = at(deleting(), {
      runtime: dead,
      slots: { 'sandbox/s0': ended(sandboxStop, { message: 'busy' }, { failures: 1 }) },
    });
    expect(events(d)).toEqual([
      'Warning FailedKillPod error killing pod: failed to "KillPodSandbox" for "u" with KillPodSandboxError: "busy"',
    ]);
  });

  test('what keeps a Pod from being prepared is told', () => {
    const failed = { reason: 'FailedCreatePodContainer', message: 'unable to ensure pod container exists: EROFS' };
    const slots = { prepare: ended({ kind: 'preparePod', slot: 'prepare' }, failed, { failures: 1 }) };
    const d = at(podOf(spec('Always', 'a')), { slots, runtime: runtime([], []) }, { phase: 'Active' });
    expect(events(d)).toEqual(['Warning FailedCreatePodContainer unable to ensure pod container exists: EROFS']);
  });
});

test('a terminal phase that somebody writes ends a Pod that runs', () => {
  const pod = podOf(spec('Always', 'a'), { status: { phase: 'Failed' } });
  const d = at(pod, {}, { phase: 'Active' });
  expect([d.memory.phase, starts(d), d.reasons.length > 0]).toEqual(['Terminating', ['stopContainer a-0'], true]);
});

test('whoever waits for the end of a Job need not wait until its volumes are removed', () => {
  const dead = runtime([box('a', 'exited')], [sandbox({ ready: false })]);
  const slots = { volumes: under({ kind: 'unmountVolumes', slot: 'volumes' }) };
  const { wall } = now;
  const termination = { cause: 'completed', graceSeconds: 1, since: wall, deadline: wall } as const;
  const memory = { phase: 'Terminating', stoppedSandboxes: ['s0'], termination } as const;
  const d = at(podOf(spec('Never', 'a')), { runtime: dead, slots }, memory);
  expect([d.memory.phase, d.status?.phase, whys(d)]).toEqual([
    'Cleaning',
    'Succeeded',
    expect.arrayContaining(['Unmounting']),
  ]);
});

describe('who may be ended at all', () => {
  const unknown = { runtime: runtime([box('a', 'running')]) };
  test('what no source knows, and only when all have reported', () => {
    const early = decide(factsOf(null, { ...unknown, sourcesReady: false }), freshMemory(), now);
    expect([starts(early), whys(early)]).toEqual([[], ['SourcesNotReady']]);
    const ready = decide(factsOf(null, unknown), freshMemory(), now);
    expect(ready.memory.termination).toMatchObject({ cause: 'orphaned', graceSeconds: 1 });
    expect(starts(ready)).toEqual(['stopContainer a-0']);
  });

  test('a static Pod whose name another one holds waits', () => {
    const d = decide(factsOf(podOf(spec('Always', 'a')), { origin: 'file', nameTakenBy: 'other' }), freshMemory(), now);
    expect([starts(d), d.status, d.done]).toEqual([[], null, false]);
    expect(d.reasons).toEqual([{ code: 'NameTaken', by: 'other' }]);
    const gone = factsOf(podOf(spec('Always', 'a')), { origin: 'file', nameTakenBy: 'other', gone: true });
    expect(decide(gone, freshMemory(), now).done).toBe(true);
  });

  test('nothing is decided before the runtime was read', () => {
    const d = decide(factsOf(deleting(), { runtime: null, runtimeReadProblem: 'down' }), active, now);
    expect([starts(d), d.reasons]).toEqual([[], [{ code: 'ObservingRuntime', problem: 'down' }]]);
  });

  test('a rejected Pod is Failed, and nothing of it starts', () => {
    const admission = { state: 'rejected', reason: 'OutOfcpu', message: 'no room' } as const;
    const d = decide(factsOf(podOf(spec('Always', 'a')), { admission }), freshMemory(), now);
    expect(d.status).toMatchObject({ phase: 'Failed', reason: 'OutOfcpu', message: 'Pod was rejected: no room' });
    expect(starts(d)).toEqual(['unmountVolumes volumes', 'removeCgroup cgroup', 'release ledger']);
  });

  test('a question to the ledger that failed is put again', () => {
    const reserve = { kind: 'reserve', slot: 'ledger' } as const;
    const ask = (slots: Record<string, PodSlot>, time = now) =>
      starts(
        decide(factsOf(podOf(spec('Always', 'a')), { admission: { state: 'unasked' }, slots }), freshMemory(), time),
      );
    expect(ask({})).toEqual(['reserve ledger']);
    expect(ask({ ledger: ended(reserve) })).toEqual([]);
    expect(ask({ ledger: ended(reserve, {}) }, later(1))).toEqual(['reserve ledger']);
  });
});

test('memory of containers and sandboxes that are gone is dropped', () => {
  const kill = { message: '', reason: 'liveness', since: 0, graceSeconds: 1 } as const;
  const memory = {
    kills: { 'a-0': kill, gone: kill },
    preStop: { gone: { begun: 1, ended: 1 } },
    stoppedSandboxes: ['s0', 'gone'],
    emitted: { 'killing/gone': 1, 'killing/a-0': 1, 'backoff/a': 5 },
  };
  const d = at(podOf(spec('Always', 'a')), {}, memory);
  expect(d.memory).toMatchObject({ kills: { 'a-0': kill }, preStop: {}, stoppedSandboxes: ['s0'] });
  expect(Object.keys(d.memory.emitted)).toEqual(['killing/a-0', 'backoff/a']);
});

describe('the mirror of a static Pod that was taken away', () => {
  const gone = { origin: 'file', gone: true, runtime: runtime([], []), mirror: { state: 'current' } } as const;
  const cleaned: PodMemory = { ...active, phase: 'Finished', returned: ['volumes', 'cgroup', 'reservation', 'files'] };
  const sync = { kind: 'syncMirror', slot: 'mirror', wanted: 'absent' } as const;
  const look = (facts: Partial<PodFacts>, time = now) =>
    decide(factsOf(podOf(spec('Always', 'a')), { ...gone, ...facts }), cleaned, time);

  test('is deleted before the Pod is over', () => {
    const d = look({});
    expect([d.done, starts(d)]).toEqual([false, ['syncMirror mirror']]);
    expect(look({ mirror: { state: 'absent' } }).done).toBe(true);
  });

  test.each<[string, Partial<PodFacts>]>([
    ['when the API server is away: the Pod may have been that server', { node: { ...node, apiProblem: 'refused' } }],
    ['when its deletion failed', { slots: { mirror: ended(sync, {}) } }],
    ['when the API server has not answered for two seconds', { slots: { mirror: under(sync, now.mono - 2000) } }],
  ])('does not hold the end, and the name, %s', (_, facts) => expect(look(facts).done).toBe(true));

  test('an answer is waited for, and looked after in time', () => {
    const d = look({ slots: { mirror: under(sync, now.mono - 500) } });
    expect([d.done, d.wakeAt]).toEqual([false, now.mono + 1500]);
  });
});

describe('a removed static Pod that came back while it ended', () => {
  const rest = { gone: true, origin: 'file', returning: true, mirror: { state: 'absent' } } as const;
  const dead = { runtime: runtime([box('a', 'exited')], [sandbox({ ready: false })]) };
  const memory: PodMemory = { ...active, phase: 'Finished', stoppedSandboxes: [sandbox().id] };

  test('leaves its containers and logs to its next life', () => {
    const d = decide(factsOf(podOf(spec('Always', 'a')), { ...rest, ...dead }), memory, now);
    expect([d.done, starts(d)]).toEqual([true, []]);
  });

  test.each([
    ['whose containers may not run again', spec('Never', 'a'), true],
    ['that did not come back', spec('Always', 'a'), false],
  ])('one %s takes all away', (_, podSpec, returning) => {
    const d = decide(factsOf(podOf(podSpec), { ...rest, ...dead, returning }), memory, now);
    expect([d.done, starts(d)]).toEqual([false, ['removeContainer a-0']]);
  });
});
