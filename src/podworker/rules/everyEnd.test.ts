// Whatever ends a Pod, its hooks, the order of its containers and their grace are the same.
import type { ObservedContainer } from '../../cri/observed.ts';
import type { Pod, PodSpec } from '../../types/k8s.ts';
import type { Action } from './actions.ts';
import { decide } from './decide.ts';
import type { Now, PodFacts, PodSlot } from './facts.ts';
import type { PodMemory } from './memory.ts';
import { active, box, ended, factsOf, later, now, podOf, runtime, spec, under, withParts } from './testing.ts';

/** A plain init container before the others. */
function withInit(podSpec: PodSpec): PodSpec {
  return { ...podSpec, initContainers: [...(podSpec.initContainers ?? []), { name: 'i', image: 'img' }] };
}

/** The end of a Pod, turn by turn: what was started is under way until the test ends it. */
class Walk {
  readonly seconds: number[] = [];
  readonly #pod: Pod | null;
  readonly #actions: Action[] = [];
  #facts: Partial<PodFacts>;
  #memory: PodMemory = active;
  #now = now;

  constructor(pod: Pod | null, facts: Partial<PodFacts>) {
    this.#pod = pod;
    this.#facts = facts;
    for (let i = 0; i < 3; i++) this.turn(now);
  }

  turn(at: Now): void {
    this.#now = at;
    const d = decide(factsOf(this.#pod, this.#facts), this.#memory, at);
    this.#memory = d.memory;
    for (const action of d.start) {
      this.#actions.push(action);
      if (action.kind === 'stopContainer') this.seconds.push(action.seconds);
      this.#slot(action, action.kind === 'saveCheckpoint' ? ended(action) : under(action, at.mono));
    }
  }

  begun(kind: 'preStop' | 'stopContainer'): string[] {
    return this.#actions.flatMap((a) => (a.kind === kind && 'container' in a ? [a.container] : []));
  }

  left(): string[] {
    return this.#facts.runtime!.containers.filter((c) => c.state === 'running').map((c) => c.name);
  }

  hooksEnd(at: Now): void {
    for (const action of this.#actions) if (action.kind === 'preStop') this.#slot(action, ended(action));
    this.turn(at);
    this.turn(at);
  }

  end(name: string): void {
    const { containers, ...rest } = this.#facts.runtime!;
    const change = (c: ObservedContainer): ObservedContainer => (c.name === name ? { ...c, state: 'exited' } : c);
    this.#facts = { ...this.#facts, runtime: { ...rest, containers: containers.map(change) } };
    this.turn(this.#now);
  }

  /** Ends what is being stopped; returns its names. */
  stopNext(): string[] {
    const names = this.begun('stopContainer').filter((n) => this.left().includes(n));
    if (names.length === 0) throw new Error(`nobody stops ${this.left().join(', ')}`);
    for (const name of names) this.end(name);
    return names;
  }

  #slot(action: Action, slot: PodSlot): void {
    this.#facts = { ...this.#facts, slots: { ...this.#facts.slots, [action.slot]: slot } };
  }
}

describe('every way to an end', () => {
  const preStop = { lifecycle: { preStop: { exec: { command: ['x'] } } } };
  const podSpec = {
    ...withParts(spec('Never', 'a b', 's* t*'), { a: preStop, s: preStop, t: preStop }),
    terminationGracePeriodSeconds: 10,
  };
  const alive = ['b', 's', 't'].map((name) => box(name, 'running'));
  const failed = box('a', 'exited', { exitCode: 1 });
  const started = { status: { startTime: '2026-01-01T00:00:00Z' } };
  const evict = { reason: 'Evicted', message: 'm', graceSeconds: 10 };
  /** The facts of each, which of the main containers still runs, and the grace that is left to it. */
  const rows: [string, Pod | null, Partial<PodFacts>, ObservedContainer[]][] = [
    [
      'deletion',
      podOf(podSpec, {}, { deletionTimestamp: '2026-01-01T01:00:00Z', deletionGracePeriodSeconds: 10 }),
      {},
      alive,
    ],
    ['its manifest is taken away', podOf(podSpec), { origin: 'file', gone: true }, alive],
    ['eviction', podOf(podSpec), { terminate: [{ cause: 'evicted', ...evict }] }, alive],
    ['preemption', podOf(podSpec), { terminate: [{ cause: 'preempted' }] }, alive],
    ['shutdown of the node', podOf(podSpec), { terminate: [{ cause: 'shutdown', graceSeconds: 10 }] }, alive],
    ['deadline', podOf({ ...podSpec, activeDeadlineSeconds: 1 }, started), {}, alive],
    ['a terminal phase in the API', podOf(podSpec, { status: { phase: 'Failed' } }), {}, alive],
    ['rejection', podOf(podSpec), { admission: { state: 'rejected', reason: 'r', message: 'm' } }, alive],
    ['its main containers have ended', podOf(podSpec), {}, [box('b', 'exited'), ...alive.slice(1)]],
    [
      'an init container failed',
      podOf(withInit(podSpec)),
      {},
      [box('i', 'exited', { exitCode: 1 }), ...alive.slice(1)],
    ],
  ];

  test.each(rows)(
    '%s: hooks side by side, then main containers, then sidecars, last one first',
    (_, pod, facts, left) => {
      const walk = new Walk(pod, { ...facts, runtime: runtime([...left, failed]) });
      const names = left.filter((c) => c.state === 'running').map((c) => c.name);
      expect(walk.begun('preStop').sort()).toEqual(names.filter((n) => n !== 'b'));
      expect(walk.begun('stopContainer')).toEqual(names.includes('b') ? ['b'] : []);
      walk.hooksEnd(later(4));
      const order: string[] = [];
      while (walk.left().length > 0) order.push(...walk.stopNext());
      expect(order).toEqual(names.includes('b') ? ['b', 't', 's'] : ['t', 's']);
      expect(walk.seconds.slice(-2)).toEqual([6, 6]);
    },
  );

  test.each(rows)(
    '%s: hanging hooks have the grace period, then comes SIGTERM and two seconds',
    (_, pod, facts, left) => {
      const walk = new Walk(pod, { ...facts, runtime: runtime([...left, failed]) });
      walk.end('b');
      walk.turn(later(9.9));
      expect(walk.begun('stopContainer').filter((n) => n !== 'b')).toEqual([]);
      walk.turn(later(10));
      expect(walk.begun('stopContainer').filter((n) => n !== 'b')).toEqual(['s', 't']);
      expect(walk.seconds.slice(-2)).toEqual([2, 2]);
    },
  );

  test.each([
    ['deletion', [{ cause: 'preempted' as const }], true],
    ['its main containers have ended', [], false],
  ])('no grace in the spec, %s: hooks run for a second: %s', (_, terminate, hooks) => {
    const left = terminate.length > 0 ? alive : [box('b', 'exited'), ...alive.slice(1)];
    const brief = podOf({ ...podSpec, terminationGracePeriodSeconds: 0 });
    const walk = new Walk(brief, { terminate, runtime: runtime([...left, failed]) });
    expect(walk.begun('preStop').length > 0).toBe(hooks);
    expect(walk.seconds.every((s) => s === 2)).toBe(true);
  });
});
