import { bounded, ERROR_BYTES, EVENT_BYTES, MESSAGE_BYTES } from '../lib/bounded.ts';
import { until } from '../lib/fake/until.ts';
import { createLogger } from '../lib/logger.ts';
import { fakePod } from '../podworker/fake/fakePod.ts';
import { freshNode } from '../podworker/fake/freshNode.ts';
import { replay } from '../podworker/replay.ts';
import { execHandler } from '../probes/handlers/exec.ts';
import { HookFailure, HookRunner } from '../probes/hooks.ts';
import { Recorder } from '../timeline/recorder.ts';
import { timelineText } from '../timeline/timelineText.ts';
import type { Container, Pod } from '../types/k8s.ts';
import { EventSide } from './eventSide.ts';
import { logAction, recordingPorts } from './recording.ts';

const t = freshNode();
const half = 7_900_000;
const secret = 'hunter2';
const hooked: Container = {
  ...{ name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent' },
  lifecycle: { postStart: { exec: { command: ['sh'] } } },
};

/** What the agent keeps and says of the Pods of `t`: log, timeline, traces. */
function watched(verbosity = 0) {
  const { node } = t;
  const lines: string[] = [];
  const errors: unknown[] = [];
  const log = createLogger({ verbosity, write: (line) => void lines.push(line) });
  const recorder = new Recorder();
  const ports = recordingPorts(recorder);
  const events = new EventSide(recorder, log);
  node.actionEnded = (uid, action, startedAt, error) => {
    if (error !== undefined) errors.push(error);
    ports.actionEnded(uid, action, startedAt, error);
    logAction(log, node.workers.get(uid), action, 1, error);
  };
  /** Takes over what the node recorded since it began. */
  const taken = (pod: Pod) => {
    const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
    recorder.open({ uid, namespace, name });
    for (const { facts, memory, decision, now } of node.trace.splice(0))
      ports.decided(facts as never, memory as never, decision as never, now);
    for (const event of node.events.splice(0)) events.pod(pod, { uid, namespace, name }, event);
    return recorder.find(namespace, name)!;
  };
  return { lines, errors, recorder, taken };
}

/** The longest text anywhere in a value, in bytes. */
function longest(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 0;
  return Math.max(0, ...Object.values(value).map(longest));
}

test('a postStart hook that prints 16 MB and fails: nothing that is kept or said of it is long, or says what it printed', async () => {
  const { world, node } = t;
  world.cri.onExec = () => ({ exitCode: 1, stdout: secret.padEnd(half, '\0'), stderr: secret.padEnd(half / 2, 'ü') });
  const hooks = new HookRunner({ cri: node.cri, clock: node.clock, onEvent: () => {} });
  const pod = fakePod('loud', { containers: [hooked] });
  world.hook = (call) => hooks.postStart(pod, hooked, call.split(' ')[1]!, '', new AbortController().signal);
  const { lines, errors, taken, recorder } = watched();
  recorder.open({ uid: 'uid-loud', namespace: 'default', name: 'loud' });
  node.setPod(pod);
  await until(() => node.events.some((e) => e.reason === 'FailedPostStartHook'));
  await until(() => node.events.some((e) => e.reason === 'Killing'));
  const record = taken(pod);
  expect(record.entries.items).toContainEqual(
    expect.objectContaining({ kind: 'event', reason: 'FailedPostStartHook', message: 'PostStartHook failed' }),
  );
  expect(errors.map((e) => (e as Error).message)).toContainEqual(
    `Exec lifecycle hook ([sh]) for Container "main" in Pod "loud_default(uid-loud)" failed - error: command 'sh' exited with 1`,
  );
  expect(longest([errors, record.entries.items, record.trace.items, world.statuses])).toBeLessThanOrEqual(
    MESSAGE_BYTES,
  );
  expect(JSON.stringify([errors.map(String), record, lines, [...world.statuses]])).not.toContain(secret);
  expect(timelineText(record)).not.toContain(secret);
  expect(lines.some((line) => line.includes('action failed'))).toBe(true);
  expect(replay(JSON.parse(JSON.stringify(record.trace.items)))).toBeUndefined();
});

test('what the hook printed is there for who asks for it: its first 10 KiB of each stream', async () => {
  const { world, node } = t;
  const pod = fakePod('loud');
  node.setPod(pod);
  await until(() => node.isReady('uid-loud'));
  world.cri.onExec = () => ({ exitCode: 1, stdout: `a${'b'.repeat(half)}`, stderr: `c${'d'.repeat(half)}` });
  const id = node.workers.get('uid-loud')!.facts.observation.pod!.containers[0]!.id;
  const hooks = new HookRunner({ cri: node.cri, clock: node.clock, onEvent: () => {} });
  const failed = await hooks.postStart(pod, hooked, id, '', new AbortController().signal).catch((error) => error);
  expect(failed).toBeInstanceOf(HookFailure);
  expect(failed.output).toBe(`a${'b'.repeat(10_239)}c${'d'.repeat(10_239)}`);
  const context = {
    container: hooked,
    containerId: id,
    podIP: '',
    timeoutMs: 20_000,
    signal: new AbortController().signal,
  };
  const probed = await execHandler(node.cri)({ command: ['sh'] }, context);
  expect(probed).toEqual({ result: 'failure', output: `a${'b'.repeat(10_239)}` });
  const whole = await node.cri.execSync(id, ['sh'], 0, { wholeOutput: true });
  expect([whole.stdout.length, whole.stderr.length]).toEqual([half + 1, half + 1]);
});

test('a runtime that says 14 MB about a container, a failed start and itself: all of it is cut where it comes in', async () => {
  const { world, node } = t;
  const said = `beginning ${'x'.repeat(14_000_000)} end`;
  world.cri.scripts.forContainer('main', { startError: said });
  const { lines, errors, taken, recorder } = watched();
  recorder.open({ uid: 'uid-p', namespace: 'default', name: 'p' });
  const pod = fakePod('p', { restartPolicy: 'Never' });
  node.setPod(pod);
  const ended = () => node.status('uid-p')?.containerStatuses?.[0]?.state?.terminated;
  await until(() => ended() !== undefined);
  expect(ended()?.message).toBe(bounded(said));
  const record = taken(pod);
  expect(errors.length).toBeGreaterThan(0);
  for (const error of errors) expect(longest((error as Error).message)).toBeLessThanOrEqual(ERROR_BYTES);
  expect(longest([record.entries.items, record.trace.items, [...world.statuses]])).toBeLessThanOrEqual(MESSAGE_BYTES);
  for (const entry of record.entries.items)
    if (entry.kind === 'event') expect(longest(entry.message)).toBeLessThanOrEqual(EVENT_BYTES);
  for (const line of lines) expect(line.length).toBeLessThan(10_000);
});
