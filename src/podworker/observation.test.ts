import { newestFirst } from '../cri/convert.ts';
import type { ObservedContainer, ObservedPod } from '../cri/observed.ts';
import { Random } from '../lib/fake/random.ts';
import { oc, sandbox } from '../status/rules/testing.ts';
import { Observation, type Sighting } from './observation.ts';

const pod = (seq: number, ...containers: ObservedContainer[]): ObservedPod => ({
  uid: 'u',
  name: 'p',
  namespace: 'ns',
  seq,
  sandboxes: [],
  containers,
});
const states = (o: Observation) => Object.fromEntries((o.pod?.containers ?? []).map((c) => [c.id, c.state]));

describe('reads and results of calls', () => {
  test('a result is newer than a read that was sent before it', () => {
    const o = new Observation();
    o.sight(1, { container: oc('a', 'created') });
    o.read(pod(1));
    expect(states(o)).toEqual({ 'a-0': 'created' });
  });

  test('a read that was sent after the result is the truth', () => {
    const o = new Observation();
    o.sight(1, { container: oc('a', 'created') });
    o.read(pod(2));
    expect(states(o)).toEqual({});
  });

  test('the answer to an older read is dropped', () => {
    const o = new Observation();
    expect(o.read(pod(3, oc('a', 'exited')))).toBe(true);
    expect(o.read(pod(2, oc('a', 'running')))).toBe(false);
    expect(states(o)).toEqual({ 'a-0': 'exited' });
  });

  test('an end that an older read saw is not undone by the result of the start', () => {
    const o = new Observation();
    o.sight(4, { container: oc('a', 'running') });
    o.read(pod(4, oc('a', 'exited')));
    expect(states(o)).toEqual({ 'a-0': 'exited' });
  });

  test('a sandbox that an older read saw dead does not come back to life', () => {
    const o = new Observation();
    o.sight(4, { sandbox: sandbox() });
    o.read({ ...pod(4), sandboxes: [sandbox({ ready: false })] });
    expect(o.pod?.sandboxes[0]?.ready).toBe(false);
  });

  test('what was removed stays away from reads that were sent before', () => {
    const o = new Observation();
    o.read(pod(1, oc('a', 'exited')));
    o.sight(2, { removedContainer: 'a-0' });
    o.read(pod(2, oc('a', 'exited')));
    expect(states(o)).toEqual({});
  });

  test('a new attempt of the same millisecond comes first', () => {
    const o = new Observation();
    o.read(pod(1, oc('a', 'exited')));
    o.sight(1, { container: oc('a', 'created', { id: 'a-1', attempt: 1 }) });
    expect(o.pod?.containers.map((c) => c.id)).toEqual(['a-1', 'a-0']);
  });
});

/** A model: containers go forward in a world; reads and results of calls show it as it was when they were answered. */
class World {
  readonly observation = new Observation();
  readonly random: Random;
  containers = new Map<string, ObservedContainer['state']>();
  seq = 0;
  inFlight: { seq: number; answer?: ObservedPod }[] = [];
  /** Results on their way; a container has one at most, as its slot has one action at most. */
  calls: { readonly id: string; readonly sighting: Sighting }[] = [];
  readonly removed = new Set<string>();
  #ids = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  snapshot(seq: number): ObservedPod {
    return pod(seq, ...[...this.containers].map(([id, state]) => oc('a', state, { id })));
  }

  /** The kubelet's own call: it takes effect now, its result arrives later. */
  call(): void {
    const [id] = [...this.containers.keys()].filter(
      (x) => this.random.chance(0.5) && !this.calls.some((c) => c.id === x),
    );
    const state = id === undefined ? undefined : this.containers.get(id);
    if (id === undefined) this.#move(`c${this.#ids++}`, 'created');
    else if (state === 'created') this.#move(id, 'running');
    else if (state === 'exited') {
      this.containers.delete(id);
      this.calls.push({ id, sighting: { removedContainer: id } });
    }
  }

  #move(id: string, state: ObservedContainer['state']): void {
    this.containers.set(id, state);
    this.calls.push({ id, sighting: { container: oc('a', state, { id }) } });
  }

  hear(): void {
    const next = this.calls.shift();
    if (!next) return;
    this.observation.sight(this.seq, next.sighting);
    if (next.sighting.removedContainer) this.removed.add(next.id);
  }

  step(): void {
    const reads = this.inFlight;
    const at = this.random.int(reads.length || 1);
    switch (this.random.int(6)) {
      case 0:
        this.call();
        return;
      case 1: // it ends by itself: nobody is told
        for (const [id, state] of this.containers)
          if (state === 'running' && this.random.chance(0.3)) this.containers.set(id, 'exited');
        return;
      case 2:
        reads.push({ seq: ++this.seq });
        return;
      case 3:
        if (reads[at] && !reads[at].answer) reads[at].answer = this.snapshot(reads[at].seq);
        return;
      case 4:
        if (reads[at]?.answer) this.observation.read(reads.splice(at, 1)[0]!.answer!);
        return;
      default:
        this.hear();
    }
  }
}

const rank = { unknown: 0, created: 1, running: 2, exited: 3 };

test('in any order of reads and results nothing goes backwards, and the last read is the truth', () => {
  for (let seed = 0; seed < 500; seed++) {
    const world = new World(seed);
    const problems: string[] = [];
    let before: Record<string, ObservedContainer['state']> = {};
    world.observation.read(world.snapshot(++world.seq));
    for (let step = 0; step < 120; step++) {
      world.step();
      const now = states(world.observation);
      for (const [id, state] of Object.entries(before)) {
        const is = now[id];
        if (is !== undefined && rank[is] < rank[state]) problems.push(`${id} went from ${state} back to ${is}`);
      }
      for (const id of Object.keys(now)) if (world.removed.has(id)) problems.push(`${id} came back`);
      before = now;
    }
    while (world.calls.length > 0) world.hear();
    world.observation.read(world.snapshot(++world.seq));
    expect({ seed, problems }).toEqual({ seed, problems: [] });
    expect(states(world.observation)).toEqual(Object.fromEntries(world.containers));
  }
});

test('the latest attempt is the newest, also when the clock was set back in between', () => {
  const attempts = [
    { id: 'old', attempt: 3, createdAt: 9_000 },
    { id: 'new', attempt: 4, createdAt: 1_000 },
  ];
  expect(attempts.sort(newestFirst).map((c) => c.id)).toEqual(['new', 'old']);
});

test('a sandbox that was seen dead does not become ready again, whatever a slower read says', () => {
  const o = new Observation();
  const seen = (seq: number, ready: boolean) => ({ ...pod(seq), sandboxes: [sandbox({ id: 's', ready })] });
  o.read(seen(1, true));
  o.read(seen(2, false));
  o.read(seen(3, true)); // sent later, answered by the runtime before
  expect(o.pod?.sandboxes.map(({ ready }) => ready)).toEqual([false]);
});
