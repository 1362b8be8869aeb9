import { printableLine } from '../../src/lib/printable.ts';
import type { ReceivedSpan } from '../../src/tracing/testing/otlpSchema.ts';

const WIDTH = 32;
/** What a line says of its span: what tells it from others of its name, and why it took as long. */
const SHOWN = [
  'k8s.container.name',
  'k8s.volume.name',
  'container.image.name',
  'kubelet.object',
  'kubelet.image.bytes',
  'kubelet.message',
  'url.full',
  'http.response.status_code',
  'service.name',
];

/** One trace as a tree: offset from its beginning, duration, where in the whole it lies, name and details. Children in order of time. */
export function traceText(spans: readonly ReceivedSpan[]): string {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const roots = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId));
  const start = Math.min(...spans.map((span) => span.start));
  const whole = Math.max(1, Math.max(...spans.map((span) => span.end)) - start);
  const service = roots[0]?.resource['service.name'];
  const lines = (some: readonly ReceivedSpan[], depth: number): string[] =>
    some
      .toSorted((a, b) => a.start - b.start)
      .flatMap((span) => [
        line(span, depth, start, whole, service),
        ...lines(
          spans.filter(({ parentSpanId }) => parentSpanId === span.spanId),
          depth + 1,
        ),
      ]);
  const [first] = roots;
  const pod = first?.attributes['k8s.pod'];
  const head = `${first?.name}${pod ? ` ${pod}` : ''}, trace ${first?.traceId}, ${new Date(start).toISOString()}\n`;
  return printableLines(head + lines(roots, 0).join(''));
}

function line(span: ReceivedSpan, depth: number, start: number, whole: number, service: unknown): string {
  const [from, to] = [span.start - start, span.end - start];
  const about = { ...span.attributes, ...(span.resource['service.name'] === service ? {} : span.resource) };
  const details = SHOWN.flatMap((name) => (about[name] === undefined ? [] : [`${name}=${about[name]}`]));
  const failed = span.status.code === 2 ? [`FAILED ${span.status.message}`.trim()] : [];
  const text = [span.name, ...details, ...failed].join(' ');
  const times = `${`+${from.toFixed(0)}`.padStart(7)} ms ${(to - from).toFixed(0).padStart(7)} ms`;
  return `${times} |${bar(from / whole, to / whole)}| ${'  '.repeat(depth)}${text}\n`;
}

function bar(from: number, to: number): string {
  const a = Math.min(WIDTH - 1, Math.floor(from * WIDTH));
  const b = Math.min(WIDTH, Math.max(a + 1, Math.ceil(to * WIDTH)));
  return `${' '.repeat(a)}${'='.repeat(b - a)}${' '.repeat(WIDTH - b)}`;
}

function printableLines(text: string): string {
  return text
    .split('\n')
    .map((each) => printableLine(each))
    .join('\n');
}
