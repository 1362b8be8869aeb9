import { ManualClock } from '../lib/fake/manualClock.ts';
import type { ProbeState } from '../pods/facts.ts';
import type { Container, Pod, Probe } from '../types/k8s.ts';
import type { AttemptContext } from './handlers/handler.ts';
import type { ProbeHandlers } from './handlers/registry.ts';
import type { SyncOptions } from './prober.ts';
import { Prober } from './prober.ts';
import type { Attempt } from './rules/attempt.ts';
import type { ProbeEvent, ProbeMetric } from './rules/report.ts';

const OK: Attempt = { result: 'success', output: '' };
const BAD: Attempt = { result: 'failure', output: 'refused' };
const pod: Pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u1' } };
const OPTIONS: SyncOptions = { podIP: '10.0.0.1', readinessOnly: false };

/** The word in an exec command names the probe; its answer is looked up at each attempt. */
function world(random = () => 0.5) {
  const clock = new ManualClock();
  const answers: Record<string, Attempt | Promise<Attempt>> = {};
  const attempts: string[] = [];
  const contexts: AttemptContext[] = [];
  const told: Readonly<Record<string, ProbeState>>[] = [];
  const events: ProbeEvent[] = [];
  const metrics: ProbeMetric[] = [];
  const origin = clock.now().mono;
  const handler = async (action: { command?: readonly string[] }, context: AttemptContext) => {
    const name = action.command?.[0] ?? '';
    attempts.push(`${name}@${clock.now().mono - origin}`);
    contexts.push(context);
    return answers[name] ?? OK;
  };
  const prober = new Prober({
    clock,
    random,
    handlers: { exec: handler } as unknown as ProbeHandlers,
    onChange: (_uid, states) => told.push(states),
    onEvent: (_uid, _container, event) => events.push(event),
    onMetric: (metric) => metrics.push(metric),
  });
  const sync = (container: Container, id: string, options: Partial<SyncOptions> = {}, age = 0) =>
    prober.sync(pod, [{ container, containerId: id, startedAt: clock.now().wall - age }], { ...OPTIONS, ...options });
  return { clock, answers, attempts, contexts, told, events, metrics, prober, sync };
}

const probe = (name: string, more: Probe = {}): Probe => ({ exec: { command: [name] }, ...more });

test('readiness: no verdict at first, ready as soon as the probe succeeds, each change told once', async () => {
  const w = world();
  const container = { name: 'c', readinessProbe: probe('r') };
  w.answers.r = BAD;
  w.sync(container, 'id1');
  w.sync(container, 'id1');
  await w.clock.advanceAsync(2000);
  expect(w.attempts).toEqual(['r@0', 'r@300', 'r@1000']);
  expect(w.told).toEqual([
    { c: { containerId: 'id1', started: true } },
    { c: { containerId: 'id1', started: true, message: 'refused' } },
  ]);
  expect(w.events.map((e) => e.message)).toEqual(['Readiness probe failed: refused']);
  w.answers.r = OK;
  await w.clock.advanceAsync(20_000);
  expect(w.told.slice(2)).toEqual([{ c: { containerId: 'id1', started: true, ready: true } }]);
  expect(w.metrics.map((m) => m.labels.result)).toEqual(['failed', 'failed', 'failed', 'successful', 'successful']);
  expect(w.contexts[0]).toMatchObject({ containerId: 'id1', podIP: '10.0.0.1', timeoutMs: 1000 });
});

test('startup gates the others; when it passes, readiness follows at once', async () => {
  const w = world();
  w.answers.s = BAD;
  const container = {
    name: 'c',
    startupProbe: probe('s', { initialDelaySeconds: 2, periodSeconds: 3 }),
    readinessProbe: probe('r', { periodSeconds: 30 }),
    livenessProbe: probe('l', { periodSeconds: 5 }),
  };
  w.sync(container, 'id1');
  await w.clock.advanceAsync(4000);
  expect(w.attempts).toEqual(['s@2000']);
  w.answers.s = OK;
  await w.clock.advanceAsync(1000);
  expect(w.attempts).toEqual(['s@2000', 's@5000', 'r@5000', 'l@5000']);
  expect(w.told.at(-1)).toEqual({ c: { containerId: 'id1', started: true, ready: true } });
});

test.each(['liveness', 'startup'] as const)('a failed %s probe holds until the container is another', async (kind) => {
  const w = world();
  w.answers.x = BAD;
  const container = {
    name: 'c',
    [`${kind}Probe`]: probe('x', { failureThreshold: 2, periodSeconds: 1, initialDelaySeconds: 1 }),
  };
  w.sync(container, 'id1');
  await w.clock.advanceAsync(60_000);
  expect(w.attempts).toEqual(['x@1000', 'x@2000']);
  expect(w.told.at(-1)).toMatchObject({ c: { containerId: 'id1', failed: kind, message: 'refused' } });
  w.sync(container, 'id1');
  await w.clock.advanceAsync(10_000);
  expect(w.attempts).toHaveLength(2);
  w.sync(container, 'id2');
  await w.clock.advanceAsync(1000);
  expect(w.attempts).toHaveLength(3);
  expect(w.told.at(-1)?.c).toMatchObject({ containerId: 'id2' });
  expect(w.told.at(-1)?.c?.failed).toBeUndefined();
});

test('the first liveness attempt comes with the periods that began when the Pod came, not a whole one after the start; so do later containers', async () => {
  const w = world();
  w.prober.sync(pod, [], OPTIONS);
  await w.clock.advanceAsync(3000);
  const container = { name: 'c', livenessProbe: probe('l', { periodSeconds: 5 }) };
  w.sync(container, 'id1');
  await w.clock.advanceAsync(8000);
  expect(w.attempts).toEqual(['l@5000', 'l@10000']);
  w.sync(container, 'id2');
  await w.clock.advanceAsync(5000);
  expect(w.attempts.slice(2)).toEqual(['l@15000']);
});

test('while the Pod ends readiness goes on, liveness stops, even one under way', async () => {
  const w = world();
  const pending = Promise.withResolvers<Attempt>();
  const container = {
    name: 'c',
    livenessProbe: probe('l', { periodSeconds: 1, failureThreshold: 1 }),
    readinessProbe: probe('r', { periodSeconds: 1, failureThreshold: 1 }),
  };
  w.answers.l = pending.promise;
  w.sync(container, 'id1');
  await w.clock.advanceAsync(1000);
  const liveness = w.contexts.at(w.attempts.indexOf('l@1000'))!;
  w.sync(container, 'id1', { readinessOnly: true });
  expect(liveness.signal.aborted).toBe(true);
  w.answers.r = BAD;
  pending.resolve(BAD);
  await w.clock.advanceAsync(3000);
  expect(w.attempts.filter((a) => a.startsWith('l'))).toEqual(['l@1000']);
  expect(w.events.map((e) => e.message)).not.toContain('Liveness probe failed: refused');
  expect(w.told.at(-1)?.c).toMatchObject({ ready: false });
  expect(w.told.at(-1)?.c?.failed).toBeUndefined();
});

test('an attempt that cannot be carried out is repeated twice, told, and counts for nothing', async () => {
  const w = world();
  w.answers.l = { result: 'unknown', error: 'runtime away' };
  w.sync({ name: 'c', livenessProbe: probe('l', { failureThreshold: 1 }) }, 'id1');
  await w.clock.advanceAsync(10_000);
  expect(w.attempts).toEqual(['l@10000', 'l@10000', 'l@10000']);
  expect(w.events).toEqual([
    {
      type: 'Warning',
      reason: 'Unhealthy',
      message: 'Liveness probe errored and resulted in unknown state: runtime away',
    },
  ]);
  expect(w.metrics).toEqual([]);
  expect(w.told.at(-1)?.c?.failed).toBeUndefined();
});

describe('after our own restart', () => {
  const container = { name: 'c', startupProbe: probe('s'), readinessProbe: probe('r'), livenessProbe: probe('l') };
  const started = new Set(['id1']);

  test('a container that had started has no verdict on readiness until its probe gives one, at a random moment of the period', async () => {
    const w = world(() => 0.42);
    w.answers.r = BAD;
    w.sync(container, 'id1', { started }, 60_000);
    await w.clock.advanceAsync(4000);
    expect(w.attempts).toEqual([]);
    expect(w.told).toEqual([{ c: { containerId: 'id1', started: true } }]);
    await w.clock.advanceAsync(20_200);
    expect(w.attempts).toEqual(['r@4200', 'l@4200', 'r@14200', 'l@14200', 'r@24200', 'l@24200']);
    expect(w.told.at(-1)).toEqual({ c: { containerId: 'id1', started: true, ready: false, message: 'refused' } });
  });

  test.each([60_000, 3000])(
    'one that had started %i ms before is not put through its startup probe again',
    async (age) => {
      const w = world(() => 0);
      w.sync(container, 'id1', { started }, age);
      await w.clock.advanceAsync(10_000);
      expect(
        w.attempts
          .slice(0, 2)
          .map((attempt) => attempt[0])
          .sort(),
      ).toEqual(['l', 'r']);
      expect(w.attempts.join()).not.toContain('s@');
    },
  );

  test('what is heard later of its start, as of a static Pod by its mirror, ends an attempt under way', async () => {
    const w = world(() => 0);
    const pending = Promise.withResolvers<Attempt>();
    w.answers.s = pending.promise;
    w.sync(container, 'id1', {}, 60_000);
    await w.clock.advanceAsync(0);
    expect(w.told.at(-1)).toEqual({ c: { containerId: 'id1' } });
    w.sync(container, 'id1', { started }, 60_000);
    expect(w.contexts[0]?.signal.aborted).toBe(true);
    pending.resolve(BAD);
    await w.clock.advanceAsync(60_000);
    expect(w.attempts.filter((attempt) => attempt.startsWith('s'))).toEqual(['s@0']);
    expect(w.told.at(-1)).toEqual({ c: { containerId: 'id1', started: true, ready: true } });
  });

  test('a verdict of its own startup probe is not overruled', async () => {
    const w = world(() => 0);
    w.answers.s = BAD;
    w.sync({ name: 'c', startupProbe: probe('s', { failureThreshold: 1 }) }, 'id1', {}, 60_000);
    await w.clock.advanceAsync(0);
    w.sync({ name: 'c', startupProbe: probe('s', { failureThreshold: 1 }) }, 'id1', { started }, 60_000);
    await w.clock.advanceAsync(0);
    expect(w.told.at(-1)?.c).toMatchObject({ started: false, failed: 'startup' });
  });

  test('one that had not started, or was replaced since, goes through its startup probe', async () => {
    const w = world(() => 0);
    w.answers.s = BAD;
    w.sync(container, 'id2', { started }, 60_000);
    await w.clock.advanceAsync(0);
    expect(w.attempts).toEqual(['s@0']);
    expect(w.told.at(-1)).toEqual({ c: { containerId: 'id2', message: 'refused' } });
  });
});

test('what is gone leaves no timer and no word', async () => {
  const w = world();
  const container = { name: 'c', readinessProbe: probe('r') };
  w.sync(container, 'id1');
  await w.clock.advanceAsync(0);
  w.prober.sync(pod, [], OPTIONS);
  await w.clock.advanceAsync(0);
  expect(w.told.at(-1)).toEqual({});
  w.sync(container, 'id2');
  const before = w.told.length;
  w.prober.remove('u1');
  await w.clock.advanceAsync(60_000);
  expect(w.told).toHaveLength(before);
  expect(w.clock.pending).toBe(0);
});

test('containers without probes are nobody’s business', async () => {
  const w = world();
  w.sync({ name: 'c' }, 'id1');
  await w.clock.advanceAsync(60_000);
  expect([w.told, w.clock.pending]).toEqual([[], 0]);
});
