import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { ManualClock } from '../lib/fake/manualClock.ts';
import type { Logger } from '../lib/logger.ts';
import { ExportError } from './otlpExport.ts';
import { SpanQueue } from './spanQueue.ts';

const span = (traceFlags = 1) => ({ spanContext: () => ({ traceFlags }) }) as unknown as ReadableSpan;

function begin() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const line = (level: string) => (text: string, fields: object) =>
    void lines.push(`${level} ${text} ${JSON.stringify(fields)}`);
  const log = { info: line('info'), warn: line('warn') } as unknown as Logger;
  const sent: number[] = [];
  const collector = { answer: async (_count: number): Promise<number> => 0 };
  const queue = new SpanQueue({
    send: async (spans) => {
      sent.push(spans.length);
      return collector.answer(spans.length);
    },
    endpoint: 'localhost:4317',
    clock,
    log,
    random: () => 0,
  });
  const end = (count: number) => {
    for (let i = 0; i < count; i++) queue.onEnd(span());
  };
  return { clock, lines, sent, collector, queue, end };
}

const gone = () => Promise.reject(new ExportError('connection refused', true));

test('spans are sent after five seconds, or 128 at once; unsampled ones never', async () => {
  const { clock, sent, queue, end } = begin();
  end(3);
  queue.onEnd(span(0));
  await clock.advanceAsync(4_999);
  expect(sent).toEqual([]);
  await clock.advanceAsync(1);
  expect(sent).toEqual([3]);
  end(200);
  await clock.advanceAsync(0);
  expect(sent).toEqual([3, 128]);
  await clock.advanceAsync(5_000);
  expect(sent).toEqual([3, 128, 72]);
  expect(clock.pending).toBe(0);
});

test('a collector that is gone: one warning, ever longer pauses, no more memory than the queue’s, and one line when it is back', async () => {
  const { clock, lines, sent, collector, end } = begin();
  collector.answer = gone;
  end(10_000);
  await clock.advanceAsync(0);
  expect(sent).toEqual([128]);
  const pauses: number[] = [];
  for (let i = 0; i < 6; i++) {
    pauses.push(clock.nextIn!);
    await clock.advanceAsync(clock.nextIn!);
  }
  // The first batch is given up after 65 s; the next one does not hurry for that.
  expect(pauses).toEqual([5_000, 10_000, 20_000, 30_000, 30_000, 30_000]);
  expect(lines).toEqual([
    'warn Traces cannot be exported; it is tried again, and what does not fit the queue is lost {"endpoint":"localhost:4317","error":"connection refused","lost":7824}',
  ]);
  let taken = 0;
  collector.answer = async (count) => {
    taken += count;
    return 0;
  };
  await clock.advanceAsync(300_000);
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThanOrEqual(2_048);
  expect(sent.every((count) => count <= 128)).toBe(true);
  expect(lines).toHaveLength(2);
  // Every span was either taken or is told as lost.
  expect(lines[1]).toBe(`info Traces are exported again {"endpoint":"localhost:4317","lost":${10_000 - taken}}`);
});

test('what comes while a batch is under way is sent when its own time has come', async () => {
  const { clock, sent, collector, end } = begin();
  const slow = Promise.withResolvers<number>();
  collector.answer = () => slow.promise;
  end(100);
  await clock.advanceAsync(5_000);
  end(300);
  await clock.advanceAsync(5_000);
  expect(sent).toEqual([100]);
  collector.answer = async () => 0;
  slow.resolve(0);
  await clock.advanceAsync(0);
  expect(sent).toEqual([100, 128, 128]);
  await clock.advanceAsync(5_000);
  expect(sent).toEqual([100, 128, 128, 44]);
});

test('a collector that hangs for an hour is told of twice', async () => {
  const { clock, lines, collector, end } = begin();
  collector.answer = () =>
    new Promise((_, reject) => clock.setTimer(10_000, () => reject(new ExportError('late', true))));
  for (let minute = 0; minute < 60; minute++) {
    end(600);
    await clock.advanceAsync(60_000);
  }
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(2);
  expect(JSON.parse(lines[1]!.slice(lines[1]!.indexOf('{')))).toMatchObject({ lost: expect.any(Number) });
});

test('what a collector will never take is not sent again', async () => {
  const { clock, sent, collector, lines, end } = begin();
  collector.answer = () => Promise.reject(new ExportError('unknown service', false));
  end(5);
  await clock.advanceAsync(120_000);
  expect(sent).toEqual([5]);
  expect(lines).toHaveLength(1);
});

test('a collector that refuses some of them: they are counted, and told', async () => {
  const { clock, collector, lines, end } = begin();
  collector.answer = async () => 2;
  end(5);
  await clock.advanceAsync(5_000);
  expect(lines).toEqual([expect.stringContaining('"error":"the collector refused spans","lost":2')]);
});

test('at its end it sends once more what waits, and takes nothing afterwards', async () => {
  const { clock, sent, collector, queue, end } = begin();
  collector.answer = gone;
  end(300);
  await clock.advanceAsync(1_000);
  expect(sent).toEqual([128]);
  await queue.shutdown();
  end(5);
  expect(sent).toEqual([128, 128, 128, 44]);
});
