// node e2e/lib/traceReceiverProgram.ts ADDRESS FILE: takes spans over OTLP and writes each as a line of JSON.
import { appendFileSync } from 'node:fs';
import { startReceiver } from '../../src/tracing/testing/receiver.ts';

const [address = '', file = ''] = process.argv.slice(2);
await startReceiver(address, (spans) =>
  appendFileSync(file, spans.map((span) => `${JSON.stringify(span)}\n`).join('')),
);
appendFileSync(file, '');
