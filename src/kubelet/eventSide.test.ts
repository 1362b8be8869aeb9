import { ApiClient } from '../api/client.ts';
import { EventRecorder } from '../api/events.ts';
import { FakeApiServer } from '../api/fake/server.ts';
import { createLogger } from '../lib/logger.ts';
import { Recorder } from '../timeline/recorder.ts';
import type { Pod } from '../types/k8s.ts';
import { EventSide } from './eventSide.ts';

const facts = { uid: 'u', namespace: 'ns', name: 'web' };
const pod: Pod = { metadata: { ...facts }, spec: { containers: [{ name: 'c' }] } };

function side() {
  const recorder = new Recorder();
  recorder.open(facts);
  const lines: string[] = [];
  const events = new EventSide(recorder, createLogger({ write: (line) => void lines.push(line) }));
  return { recorder, lines, events };
}

/** 300 probes that fail, each with another text of 10 KiB. */
function flood(events: EventSide): void {
  for (let i = 0; i < 300; i++) {
    const message = `Readiness probe failed: ${i} ${'x'.repeat(10_240)}`;
    events.pod(pod, facts, { type: 'Warning', reason: 'Unhealthy', message, container: 'c' });
  }
}

test('a flood of Events: the log and the API server get 25 of them, of 1 KiB each', async () => {
  await using fake = await FakeApiServer.start();
  await using client = new ApiClient(fake.connection);
  const { recorder, lines, events } = side();
  await using api = new EventRecorder(client, { nodeName: 'n', qps: -1 });
  events.api = api;
  flood(events);
  events.pod(
    { metadata: { ...facts, uid: 'v' } },
    { ...facts, uid: 'v' },
    { type: 'Warning', reason: 'Other', message: 'm' },
  );
  await api.flush();
  expect(lines).toHaveLength(26);
  expect(lines.every((line) => line.length < 1500)).toBe(true);
  expect(lines[0]).toMatch(/"Readiness probe failed: 0 x+ …\[10266 characters, cut\]… x+"/);
  const sent = fake.storage.list('Event', 'ns', () => true) as { message: string }[];
  expect(sent.every(({ message }) => Buffer.byteLength(message) <= 1024)).toBe(true);
  const told = recorder.find('ns', 'web')!.entries.items;
  expect(told.every((entry) => entry.kind === 'event' && Buffer.byteLength(entry.message) <= 1024)).toBe(true);
});

test('without an API server the log is spared as well', () => {
  const { lines, events } = side();
  flood(events);
  expect(lines).toHaveLength(25);
  for (let i = 0; i < 100; i++) events.node({ type: 'Normal', reason: 'Starting', message: `${i}` }, 'n');
  expect(lines).toHaveLength(50);
});
