import { ManualClock } from '../lib/fake/manualClock.ts';
import { Loop, type LoopPorts } from './loop.ts';
import { isSlotOpen, slotRetryAt } from './rules/retry.ts';
import type { EffectError, Slots } from './slot.ts';

// A second user of the loop beside the Pod worker: one attached volume that is staged once and published for whoever wants it.

type Step =
  | { readonly kind: 'stage'; readonly slot: 'device' }
  | { readonly kind: 'publish'; readonly slot: string; readonly pod: string }
  | { readonly kind: 'unpublish'; readonly slot: string; readonly pod: string }
  | { readonly kind: 'unstage'; readonly slot: 'device' };
interface VolumeFacts {
  readonly wanted: readonly string[];
  readonly staged: boolean;
  readonly published: readonly string[];
  readonly readSeq: number;
  readonly slots: Slots<Step>;
}
interface VolumeDecision {
  readonly memory: { readonly turns: number };
  readonly start: readonly Step[];
  readonly abort: readonly string[];
  readonly wakeAt: number | null;
  readonly done: boolean;
}
interface Found {
  readonly staged?: boolean;
  readonly pod?: { readonly name: string; readonly published: boolean };
}

const traits = { unknownOutcomeClosesSlot: true, echoes: false, slotPerObject: false };
const rules = {
  traits: { stage: traits, publish: traits, unpublish: traits, unstage: traits },
  sameWork: () => true,
};

function decide(
  facts: VolumeFacts,
  memory: { readonly turns: number },
  now: { readonly mono: number },
): VolumeDecision {
  const start: Step[] = [];
  const abort: string[] = [];
  let wakeAt: number | null = null;
  const launch = (step: Step) => {
    const slot = facts.slots[step.slot];
    if (!isSlotOpen(slot, facts.readSeq)) return;
    const due = slotRetryAt(slot, 0.5);
    if (due > now.mono) wakeAt = Math.min(wakeAt ?? due, due);
    else start.push(step);
  };
  const pod = (kind: 'publish' | 'unpublish', name: string): Step => ({ kind, slot: `pod/${name}`, pod: name });
  if (facts.wanted.length > 0 && !facts.staged) launch({ kind: 'stage', slot: 'device' });
  if (facts.wanted.length === 0 && facts.slots.device?.running?.action.kind === 'stage') abort.push('device');
  if (facts.staged) for (const name of facts.wanted) if (!facts.published.includes(name)) launch(pod('publish', name));
  for (const name of facts.published) if (!facts.wanted.includes(name)) launch(pod('unpublish', name));
  const idle = facts.wanted.length === 0 && facts.published.length === 0;
  if (idle && facts.staged) launch({ kind: 'unstage', slot: 'device' });
  const done = idle && !facts.staged && Object.values(facts.slots).every((s) => !s.running);
  return { memory: { turns: memory.turns + 1 }, start, abort, wakeAt, done };
}

class VolumeWorker {
  readonly clock = new ManualClock();
  readonly log: string[] = [];
  readonly failures = new Map<string, unknown[]>();
  wanted: readonly string[] = [];
  published: readonly string[] = [];
  staged = false;
  reads = 0;
  over = false;
  /** How long a turn takes. */
  turnMs = 0;
  readonly defects: string[] = [];
  readonly decided: [number, number][] = [];
  readonly signals: AbortSignal[] = [];
  /** What the ports throw next, by name. */
  readonly throws = new Map<string, Error>();
  hold: Promise<void> = Promise.resolve();
  onStep: (step: Step) => void = () => {};
  readonly loop: Loop<VolumeFacts, { readonly turns: number }, Step, VolumeDecision, Found>;

  constructor() {
    const ports: LoopPorts<VolumeFacts, { readonly turns: number }, Step, VolumeDecision, Found> = {
      clock: this.clock,
      slots: rules,
      snapshot: (slots) => {
        this.#throwNext('snapshot');
        return { ...this.#facts(), slots };
      },
      decide,
      effect: (step, _facts, signal) => {
        this.#throwNext('effect');
        return this.#carryOut(step, signal);
      },
      toError: (thrown): EffectError =>
        thrown instanceof Error
          ? { reason: 'Internal', message: thrown.message, settled: true }
          : (thrown as EffectError),
      lastSeq: () => this.reads,
      decided: (_facts, before, { memory }) => void this.decided.push([before.turns, memory.turns]),
      settled: (_step, { outcome }) => {
        this.#throwNext('settled');
        this.staged = outcome?.staged ?? this.staged;
        const { pod } = outcome ?? {};
        if (!pod) return;
        this.published = this.published.filter((name) => name !== pod.name);
        if (pod.published) this.published = [...this.published, pod.name];
      },
      turned: (_facts, { done }) => {
        this.over = done;
        this.clock.advance(this.turnMs);
      },
      defect: (error) => void this.defects.push((error as Error).message),
    };
    this.loop = new Loop(ports, { turns: 0 });
  }

  want(...pods: string[]): Promise<void> {
    this.wanted = pods;
    this.loop.wake();
    return this.settle();
  }

  settle(ms = 0): Promise<void> {
    return this.clock.advanceAsync(ms);
  }

  async #carryOut(step: Step, signal: AbortSignal): Promise<Found> {
    this.signals.push(signal);
    this.onStep(step);
    this.log.push(step.slot === 'device' ? step.kind : `${step.kind} ${step.slot.slice(4)}`);
    await this.hold;
    signal.throwIfAborted();
    const failure = this.failures.get(step.kind)?.shift();
    if (failure) throw failure;
    if (step.kind === 'stage' || step.kind === 'unstage') return { staged: step.kind === 'stage' };
    return { pod: { name: step.pod, published: step.kind === 'publish' } };
  }

  #throwNext(port: string): void {
    const error = this.throws.get(port);
    this.throws.delete(port);
    if (error) throw error;
  }

  #facts() {
    const { wanted, staged, published } = this;
    return { wanted, staged, published, readSeq: this.reads };
  }
}

test('a volume is staged once, published for each Pod side by side, and unstaged after the last has gone', async () => {
  const volume = new VolumeWorker();
  await volume.want('a', 'b');
  expect(volume.log).toEqual(['stage', 'publish a', 'publish b']);
  await volume.want('b');
  await volume.want();
  expect(volume.log.slice(3)).toEqual(['unpublish a', 'unpublish b', 'unstage']);
  expect(volume.over).toBe(true);
});

test('a failed step is tried again by its back-off, not at each wake', async () => {
  const volume = new VolumeWorker();
  const refused: EffectError = { reason: 'Internal', message: 'the device is busy', settled: true };
  volume.failures.set('stage', [refused, refused]);
  await volume.want('a');
  for (let i = 0; i < 5; i++) await volume.want('a');
  expect(volume.log).toEqual(['stage']);
  await volume.settle(2000);
  expect(volume.log).toEqual(['stage', 'stage', 'stage', 'publish a']);
});

test('an outcome that settles nothing closes the slot until the truth was read again', async () => {
  const volume = new VolumeWorker();
  const lost: EffectError = { reason: 'Unavailable', message: 'the connection broke', settled: false };
  volume.failures.set('stage', [lost]);
  await volume.want('a');
  await volume.settle(60_000);
  expect(volume.log).toEqual(['stage']);
  expect(volume.loop.slots.needsRead(volume.reads)).toBe(true);
  volume.reads += 1;
  await volume.want('a');
  expect(volume.log).toEqual(['stage', 'stage', 'publish a']);
});

test('what nobody wants any more is aborted, and counts as no failure', async () => {
  const volume = new VolumeWorker();
  const { promise, resolve } = Promise.withResolvers<void>();
  volume.hold = promise;
  await volume.want('a');
  await volume.want();
  resolve();
  await volume.settle();
  expect(volume.loop.slots.facts().device).toMatchObject({ failures: 0 });
  expect([volume.staged, volume.log]).toEqual([false, ['stage']]);
});

test('any number of wakes in one tick is one turn; after the stop there is none', async () => {
  const volume = new VolumeWorker();
  for (let i = 0; i < 10; i++) volume.loop.wake();
  await volume.settle();
  expect(volume.loop.memory.turns).toBe(1);
  volume.loop.stop();
  volume.loop.wake();
  await volume.settle(1000);
  expect([volume.loop.memory.turns, volume.clock.pending]).toEqual([1, 0]);
});

describe('a port that throws', () => {
  test.each(['snapshot', 'effect', 'settled'])('%s: concerns this owner only, which goes on later', async (port) => {
    const volume = new VolumeWorker();
    volume.throws.set(port, new Error('a defect of ours'));
    await volume.want('a');
    if (port !== 'effect') expect(volume.defects).toEqual(['a defect of ours']); // an effect's is a failure like any other
    await volume.settle(10_000);
    expect(volume.log.at(-1)).toBe('publish a');
  });
});

test('an owner whose turns are long rests: it has a fifth of the event loop, whatever wakes it', async () => {
  const volume = new VolumeWorker();
  volume.turnMs = 100;
  for (let i = 0; i < 100; i++) await volume.want('a');
  expect(volume.loop.memory.turns).toBe(1);
  await volume.settle(199); // 50 of the 100 ms were free
  expect(volume.loop.memory.turns).toBe(1);
  await volume.settle(1);
  expect(volume.loop.memory.turns).toBe(2);
  for (let i = 0; i < 100; i++) await volume.want('a');
  await volume.settle(399);
  expect(volume.loop.memory.turns).toBe(2);
  await volume.settle(2_000);
  expect(volume.log).toEqual(['stage', 'publish a']);
});

test('a machine that stood still during a turn delays its owner by ten seconds, not by four times as long', async () => {
  const volume = new VolumeWorker();
  volume.turnMs = 3_600_000;
  await volume.want('a');
  volume.turnMs = 0;
  await volume.settle(9_999);
  expect(volume.loop.memory.turns).toBe(1);
  await volume.settle(1);
  expect(volume.log).toEqual(['stage', 'publish a']);
});

test('a few turns that are long delay nothing', async () => {
  const volume = new VolumeWorker();
  volume.turnMs = 15;
  await volume.want('a');
  await volume.settle(0);
  expect(volume.log).toEqual(['stage', 'publish a']);
});

test('the end of the loop tells what is under way to stop', async () => {
  const volume = new VolumeWorker();
  volume.hold = new Promise(() => {});
  await volume.want('a');
  expect(volume.signals.map(({ aborted }) => aborted)).toEqual([false]);
  volume.loop.stop();
  expect(volume.signals.map(({ aborted }) => aborted)).toEqual([true]);
});

test('a loop that is stopped in the middle of its own turn starts nothing more and leaves no timer', async () => {
  const volume = new VolumeWorker();
  volume.failures.set('publish', [{ reason: 'Busy', message: 'not now', settled: true }]);
  await volume.want('a');
  expect([volume.log, volume.clock.pending]).toEqual([['stage', 'publish a'], 1]); // a is tried again later
  volume.onStep = () => volume.loop.stop();
  await volume.want('a', 'b', 'c');
  expect([volume.log.slice(2), volume.clock.pending]).toEqual([['publish b'], 0]);
  expect(volume.signals.at(-1)?.aborted).toBe(true);
});

test('a stop while a turn is queued or rests: there is none, and no timer', async () => {
  const volume = new VolumeWorker();
  volume.loop.wake();
  volume.loop.stop();
  await volume.settle();
  expect([volume.loop.memory.turns, volume.clock.pending]).toEqual([0, 0]);
  const tired = new VolumeWorker();
  tired.turnMs = 1_000;
  await tired.want('a');
  expect([tired.loop.memory.turns, tired.clock.pending]).toEqual([1, 1]); // its next turn rests
  tired.loop.stop();
  expect(tired.clock.pending).toBe(0);
});

test('after a defect it is quiet for ten seconds, and the last decision stays what it was', async () => {
  const volume = new VolumeWorker();
  await volume.want('a');
  const { last } = volume.loop;
  expect(last?.facts.wanted).toEqual(['a']);
  volume.throws.set('snapshot', new Error('a defect of ours'));
  await volume.want('b');
  expect([volume.loop.last, volume.clock.nextIn]).toEqual([last, 10_000]);
  await volume.settle(9_999);
  expect(volume.log).not.toContain('publish b');
  await volume.settle(1);
  expect(volume.log).toContain('publish b');
});

test('each decision is told with the memory before and after it; what failed late is tried again after its back-off', async () => {
  const volume = new VolumeWorker();
  await volume.settle(60_000);
  volume.failures.set('stage', [{ reason: 'Busy', message: 'not now', settled: true }]);
  await volume.want('a');
  expect(volume.decided).toEqual([
    [0, 1],
    [1, 2],
  ]);
  expect(volume.clock.nextIn).toBeGreaterThanOrEqual(187);
  expect(volume.clock.nextIn).toBeLessThanOrEqual(313);
  await volume.settle(313);
  expect(volume.log).toEqual(['stage', 'stage', 'publish a']);
});
