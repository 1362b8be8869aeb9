import { ManualClock } from '../lib/fake/manualClock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Reason } from '../timeline/reasons.ts';
import { Recorder } from '../timeline/recorder.ts';
import { PodSpans } from './podSpans.ts';
import { MemoryTracing } from './testing/memoryTracing.ts';

const id = { uid: 'u1', namespace: 'ns', name: 'web' };

/** A Pod whose decisions and actions a test makes. */
function begin() {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const tracing = new MemoryTracing();
  const log = { error: (_: string, fields: { error: string }) => errors.push(fields.error) } as unknown as Logger;
  const spans = new PodSpans(tracing, log);
  const recorder = new Recorder(undefined, undefined, spans);
  recorder.open(id);
  recorder.record('u1', { kind: 'heard', at: clock.now(), origin: 'the API server' });
  const decide = async (phase: string, ...reasons: Reason[]) => {
    const decision = { memory: {} };
    recorder.decision('u1', { now: clock.now(), facts: {}, memory: {}, decision }, phase, reasons, false);
    await clock.advanceAsync(0);
  };
  const effects = new Map<string, PromiseWithResolvers<string>>();
  const effect = spans.effect(async (action: { kind: string; slot: string }, _context: Context) => {
    const pending = Promise.withResolvers<string>();
    effects.set(action.kind, pending);
    return pending.promise;
  });
  const act = (kind: string, more: object = {}, generation = 1) =>
    effect({ kind, slot: kind, ...more }, { facts: id, pod: { metadata: { generation } } }).catch(() => {});
  const settle = async (kind: string, error?: Error) => {
    if (error) effects.get(kind)!.reject(error);
    else effects.get(kind)!.resolve('');
    await clock.advanceAsync(0);
  };
  return { clock, errors, tracing, spans, recorder, decide, act, settle };
}
interface Context {
  readonly facts: { readonly uid: string };
  readonly pod: { readonly metadata?: { readonly generation?: number } };
}

test('the start of a Pod is one trace: its waits, its syncs with their actions, and its status', async () => {
  const { clock, tracing, spans, decide, act, settle } = begin();
  clock.advance(10);
  await decide('Active', { code: 'MountingVolume', volume: 'data', since: 10, message: 'its device is not there yet' });
  act('mountVolume', { volume: 'data' });
  clock.advance(3_000);
  await settle('mountVolume');
  await decide('Active', { code: 'PullingImage', container: 'main', image: 'slow:1', since: clock.now().mono });
  act('createSandbox', { attempt: 0 });
  act('ensureImage', { container: 'main', image: 'slow:1' });
  await settle('createSandbox');
  clock.advance(5_000);
  await decide('Active', {
    ...{ code: 'PullingImage', container: 'main', image: 'slow:1', since: 0, totalBytes: 77, layers: [3, 3] },
  });
  await settle('ensureImage');
  await decide('Active', { code: 'ReadinessProbe', container: 'main' });
  spans.statusWanted('u1');
  clock.advance(1_000);
  await decide('Active');
  expect(tracing.named('Pod start')[0]!.recording).toBe(true);
  clock.advance(200);
  spans.statusWritten('u1', clock.now().wall);

  expect(tracing.tree).toEqual([
    'Pod start',
    'MountingVolume < Pod start',
    'syncPod < Pod start',
    'mountVolume < syncPod',
    'PullingImage < Pod start',
    'syncPod < Pod start',
    'createSandbox < syncPod',
    'ensureImage < syncPod',
    'ReadinessProbe < Pod start',
    'StatusWrite < Pod start',
  ]);
  const [root, mounting, sync, , pulling, second, , , , status] = tracing.spans;
  const began = root!.options.at!;
  const took = (span = root!) => [span.options.at! - began, span.endedAt! - began];
  expect(took()).toEqual([0, 9_210]);
  expect(took(mounting)).toEqual([10, 3_010]);
  expect(took(pulling)).toEqual([3_010, 8_010]);
  expect(status!.endedAt! - began).toBe(9_210);
  expect(root!.attributes).toEqual({
    'k8s.pod.uid': 'u1',
    'k8s.pod': 'ns/web',
    'k8s.pod.name': 'web',
    'k8s.namespace.name': 'ns',
  });
  expect(mounting!.attributes).toEqual({
    'k8s.volume.name': 'data',
    'kubelet.message': 'its device is not there yet',
  });
  expect(pulling!.attributes).toEqual({
    'k8s.container.name': 'main',
    'container.image.name': 'slow:1',
    'kubelet.image.bytes': 77,
    'kubelet.image.layers': ['3', '3'],
  });
  expect(sync!.attributes).toEqual({ ...root!.attributes, 'k8s.pod.update_type': 'create' });
  expect(second!.attributes['k8s.pod.update_type']).toBe('sync');
  expect(tracing.spans.filter(({ recording }) => recording)).toEqual([]);
});

test('a restart, a loss of readiness and a resize are traces of their own; a Pod that is up has none', async () => {
  const { clock, tracing, decide, act, settle } = begin();
  await decide('Active');
  await decide('Active');
  expect(tracing.tree).toEqual(['Pod found']);
  await decide('Active', {
    code: 'CrashLoopBackOff',
    container: 'c',
    exitCode: 1,
    restarts: 2,
    delayMs: 10_000,
    retryAt: 1,
  });
  clock.advance(10_000);
  await decide('Active', { code: 'CreatingContainer', container: 'c', since: clock.now().mono });
  act('createContainer', { container: 'c' });
  await settle('createContainer');
  await decide('Active');
  await decide('Active', { code: 'ReadinessProbe', container: 'c' });
  await decide('Active');
  await decide('Active', { code: 'ResizingPod' });
  act('resizePod', {}, 2);
  await settle('resizePod');
  await decide('Active');
  const roots = tracing.spans.filter(({ parent }) => !parent);
  expect(roots.map(({ name }) => name)).toEqual(['Pod found', 'Pod restart', 'Pod not ready', 'Pod resize']);
  expect(tracing.named('CrashLoopBackOff')[0]!.attributes).toMatchObject({
    'kubelet.restarts': 2,
    'kubelet.exit_code': 1,
  });
  expect(tracing.named('syncPod').at(-1)!.attributes['k8s.pod.update_type']).toBe('update');
});

test('the stop of a Pod: what was open of its start ends, and its syncs have Go’s names', async () => {
  const { clock, tracing, recorder, decide, act, settle } = begin();
  await decide('Active', {
    code: 'ImagePullBackOff',
    container: 'c',
    image: 'i',
    message: 'no such image',
    retryAt: 1,
  });
  clock.advance(500);
  await decide('Terminating', { code: 'StoppingContainer', container: 'c', graceSeconds: 30 });
  act('stopContainer', { container: 'c' });
  await settle('stopContainer', new Error('the runtime is gone'));
  await decide('Cleaning', { code: 'Unmounting' });
  act('unmountVolumes');
  await settle('unmountVolumes');
  await decide('Finished');
  recorder.close('u1');
  expect(tracing.tree).toEqual([
    'Pod found',
    'ImagePullBackOff < Pod found',
    'Pod stop',
    'StoppingContainer < Pod stop',
    'syncTerminatingPod < Pod stop',
    'stopContainer < syncTerminatingPod',
    'Unmounting < Pod stop',
    'syncTerminatedPod < Pod stop',
    'unmountVolumes < syncTerminatedPod',
  ]);
  expect(tracing.named('stopContainer')[0]!.error).toBe('the runtime is gone');
  expect(tracing.named('syncTerminatingPod')[0]!.error).toBe('the runtime is gone');
  expect(tracing.named('syncTerminatedPod')[0]!.attributes).not.toHaveProperty('k8s.pod.update_type');
  expect(tracing.spans.filter(({ recording }) => recording)).toEqual([]);
});

test('a Pod that waits for ever, with a thousand containers: each trace is bounded, and the next goes on where it ends', async () => {
  const { clock, tracing, decide } = begin();
  for (let i = 0; i < 100; i++) {
    const waits = Array.from({ length: 1000 }, (_, n) => ({
      code: 'AfterContainer' as const,
      container: `c${n}`,
      waitsFor: `${i}`,
    }));
    clock.advance(10_000);
    await decide('Active', ...waits);
    await decide('Active', { code: 'Admission' });
  }
  const roots = tracing.spans.filter(({ parent }) => !parent);
  expect(roots.length).toBeGreaterThan(5);
  for (const root of roots) {
    expect(tracing.spans.filter(({ parent }) => parent === root).length).toBeLessThan(600);
    expect(root.options.link).toBe(roots[roots.indexOf(root) - 1]);
    if (root !== roots.at(-1)) expect(root.attributes['kubelet.continues']).toBe(true);
  }
  expect(tracing.spans.filter(({ recording }) => recording).length).toBeLessThan(70);
});

test('a trace that is not sampled costs no spans of waits, and ends as the others do', async () => {
  const { tracing, decide } = begin();
  const start = tracing.start.bind(tracing);
  tracing.start = (name, options) => Object.assign(start(name, options), { recording: false, end() {} });
  await decide('Active', { code: 'Admission' });
  await decide('Active', { code: 'ReadinessProbe', container: 'c' });
  await decide('Active');
  await decide('Active', { code: 'ReadinessProbe', container: 'c' });
  expect(tracing.tree).toEqual(['Pod found', 'Pod restart']);
});

test('a wait of an hour is told before it is over', async () => {
  const { clock, tracing, decide } = begin();
  for (let hour = 0; hour < 3; hour++) {
    await decide('Active', { code: 'AwaitingObject', object: 'Secret a', message: 'not found' });
    clock.advance(3_600_001);
  }
  expect(tracing.spans.filter(({ parent, recording }) => !parent && !recording)).toHaveLength(2);
  expect(tracing.named('AwaitingObject')).toHaveLength(3);
});

test('an action that nobody wants any more did not fail', async () => {
  const { tracing, decide, act, settle } = begin();
  await decide('Active', { code: 'Admission' });
  act('ensureImage', { container: 'c' });
  await settle('ensureImage', new DOMException('aborted', 'AbortError'));
  const [image] = tracing.named('ensureImage');
  expect(image).toMatchObject({ error: undefined, recording: false });
  expect(image!.attributes['kubelet.aborted']).toBe(true);
});

test('events are told in the trace; a defect of tracing is told in the log and harms no Pod', async () => {
  const { clock, errors, tracing, recorder, decide, act, settle } = begin();
  await decide('Active', { code: 'Admission' });
  recorder.record('u1', { kind: 'event', at: clock.now(), reason: 'Pulled', message: 'image is there' });
  expect(tracing.spans[0]!.events).toEqual([{ name: 'Pulled', message: 'image is there' }]);
  tracing.start = () => {
    throw new Error('a defect');
  };
  await decide('Terminating', { code: 'Unmounting' });
  const acted = act('unmountVolumes');
  await settle('unmountVolumes');
  expect(await acted).toBe('');
  expect(recorder.find('ns', 'web')!.phase).toBe('Terminating');
  expect(errors).toEqual(['a defect', 'a defect']);
});
