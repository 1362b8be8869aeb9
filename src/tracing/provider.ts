// Loaded only where tracing is configured: OpenTelemetry costs memory and start time (docs/dependencies.md).
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { bounded } from '../lib/bounded.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { OtlpExport } from './otlpExport.ts';
import { DEFAULT_ENDPOINT } from './rules/endpoint.ts';
import { SpanQueue } from './spanQueue.ts';
import type { Attributes, SpanOptions, TraceSpan, Tracing } from './spans.ts';

/** What Pods, images and errors say is in spans, and many spans may wait: characters of one value, and bytes of an error. */
const VALUE_LENGTH = 512;
const MOST_ATTRIBUTES = 32;
const ERROR_BYTES = 1024;
/** What an end of the agent waits for the last spans; ms. */
const LAST_FLUSH_MS = 1_000;

const KINDS = { client: SpanKind.CLIENT, server: SpanKind.SERVER } as const;

export interface TracingOptions {
  readonly endpoint?: string | undefined;
  readonly samplingRatePerMillion?: number | undefined;
  readonly nodeName: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Spans for the collector of KubeletConfiguration's `tracing`; of all traces the given part is sampled, each as a whole. A collector that is
 * not there is told of in the log, and harms nothing. Disposing sends what is left, for a second at most.
 */
export function startTracing(options: TracingOptions): Tracing & AsyncDisposable {
  const { endpoint, clock, log } = options;
  const target = endpoint || DEFAULT_ENDPOINT; // gRPC throws on an empty one
  const exporter = new OtlpExport(target);
  const queue = new SpanQueue({
    send: (spans) => exporter.send(spans),
    endpoint: target,
    clock,
    log,
  });
  const provider = makeProvider(options, queue);
  log.info('Traces are exported', { endpoint: target, samplingRatePerMillion: options.samplingRatePerMillion ?? 0 });
  const tracing = new OtelTracing(provider.getTracer('kubelet-ts', options.version));
  return {
    start: (name, spanOptions) => tracing.start(name, spanOptions),
    within: (span, work) => tracing.within(span, work),
    async [Symbol.asyncDispose]() {
      const late = Promise.withResolvers<void>();
      using _timer = clock.setTimer(LAST_FLUSH_MS, late.resolve);
      await Promise.race([queue.shutdown(), late.promise]);
      exporter[Symbol.dispose]();
    },
  };
}

/** As component-base makes it: parent-based, and of the traces that begin here the given part. */
function makeProvider(
  { nodeName, samplingRatePerMillion = 0 }: Pick<TracingOptions, 'nodeName' | 'samplingRatePerMillion'>,
  processor: SpanQueue,
): TracerProvider {
  const root =
    samplingRatePerMillion > 0
      ? new TraceIdRatioBasedSampler(samplingRatePerMillion / 1_000_000)
      : new AlwaysOffSampler();
  return new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'kubelet', 'host.name': nodeName }),
    sampler: new ParentBasedSampler({ root }),
    spanProcessors: [processor],
    spanLimits: {
      attributeValueLengthLimit: VALUE_LENGTH,
      attributeCountLimit: MOST_ATTRIBUTES,
      eventCountLimit: 32,
      linkCountLimit: 4,
      attributePerEventCountLimit: 8,
    },
  });
}

class OtelTracing implements Tracing {
  readonly #tracer: Tracer;
  readonly #active = new AsyncLocalStorage<Traced>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  start(name: string, options: SpanOptions = {}): TraceSpan {
    const { kind, attributes = {}, at, link } = options;
    const linked = link instanceof Traced ? { links: [{ context: link.span.spanContext() }] } : {};
    const span = this.#tracer.startSpan(
      name,
      {
        ...(kind && { kind: KINDS[kind] }),
        attributes: cut(attributes),
        ...(at === undefined ? {} : { startTime: at }),
        ...linked,
      },
      this.#contextOf(options),
    );
    return new Traced(span);
  }

  within<T>(span: TraceSpan, work: () => T): T {
    return span instanceof Traced ? this.#active.run(span, work) : work();
  }

  /** What was started in a span may outlive it by far, such as a watch: that is no part of it any more. */
  #contextOf({ parent = this.#active.getStore() }: SpanOptions): Context {
    return parent instanceof Traced && !parent.ended ? trace.setSpan(ROOT_CONTEXT, parent.span) : ROOT_CONTEXT;
  }
}

/** A span of OpenTelemetry behind ours. */
class Traced implements TraceSpan {
  readonly span: OtelSpan;
  ended = false;

  constructor(span: OtelSpan) {
    this.span = span;
  }

  get recording(): boolean {
    return this.span.isRecording();
  }

  get traceparent(): string {
    const { traceId, spanId, traceFlags } = this.span.spanContext();
    return `00-${traceId}-${spanId}-0${traceFlags & TraceFlags.SAMPLED}`;
  }

  rename(name: string): void {
    if (this.recording) this.span.updateName(name);
  }

  set(attributes: Attributes): void {
    if (this.recording) this.span.setAttributes(cut(attributes));
  }

  event(name: string, attributes: Attributes = {}, at?: number): void {
    if (this.recording) this.span.addEvent(name, cut(attributes), at);
  }

  fail(message: string): void {
    if (this.recording) this.span.setStatus({ code: SpanStatusCode.ERROR, message: bounded(message, ERROR_BYTES) });
  }

  end(at?: number): void {
    this.ended = true;
    if (this.recording) this.span.end(at);
  }
}

/** As spanLimits has it, but a copy: what OpenTelemetry cuts keeps the whole text in memory for as long as the span waits. */
function cut(attributes: Attributes): Record<string, string> {
  const short = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(short);
    if (typeof value !== 'string' || value.length <= VALUE_LENGTH) return value;
    return Buffer.from(value.slice(0, VALUE_LENGTH)).toString();
  };
  return Object.fromEntries(
    Object.entries(attributes)
      .slice(0, MOST_ATTRIBUTES)
      .map(([name, value]) => [name, short(value)]),
  ) as Record<string, string>;
}
