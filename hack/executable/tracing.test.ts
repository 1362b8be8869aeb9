import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { realClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/logger.ts';
import type * as Entry from '../../src/tracing/entry.ts';
import { startReceiver } from '../../src/tracing/testing/receiver.ts';
import { bundleScript } from './bundle.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'bundle-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

test('the executable’s script holds nothing of OpenTelemetry, and what it loads for tracing exports spans', async () => {
  const [script, tracing] = ['kubelet-ts.cjs', 'tracing.cjs'].map((name) => path.join(directory, name));
  const packages = await bundleScript(script!, tracing!);
  expect(packages).toContain('@opentelemetry/sdk-trace');
  expect(readFileSync(script!, 'utf8')).not.toMatch(/TracerProvider|ParentBasedSampler|TraceService\/Export/);

  // As embeddedEntry.ts does it.
  const made = { exports: {} as typeof Entry };
  const give = (name: string) => (name === '@grpc/grpc-js' ? grpc : process.getBuiltinModule(name));
  new Function('require', 'module', readFileSync(tracing!, 'utf8'))(give, made);
  await using receiver = await startReceiver();
  const options = { nodeName: 'n', version: 'v', clock: realClock, log: silentLogger };
  const spans = made.exports.startTracing({
    ...options,
    endpoint: receiver.endpoint,
    samplingRatePerMillion: 1_000_000,
  });
  new made.exports.PodSpans(spans, silentLogger).decided(
    { uid: 'u', namespace: 'ns', name: 'web' },
    { wall: Date.now(), mono: 0 },
    'Active',
    [],
  );
  await new Promise((resolve) => setImmediate(resolve));
  await spans[Symbol.asyncDispose]();
  expect(receiver.spans).toMatchObject([{ name: 'Pod found', attributes: { 'k8s.pod': 'ns/web' } }]);
}, 300_000);
