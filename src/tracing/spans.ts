/** Values of a span's attributes. */
export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** One span under way. Nothing of it is sent before `end`; what is called later changes nothing. */
export interface TraceSpan {
  /** false: it has ended, or its trace was not sampled: then it carries its ids on and costs nothing else. */
  readonly recording: boolean;
  /** W3C Trace Context of this span, for those who are called. */
  readonly traceparent: string;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Something happened at one moment (`at`: wall ms, now by default). */
  event(name: string, attributes?: Attributes, at?: number): void;
  /** What it was about did not succeed; the text is cut. */
  fail(message: string): void;
  /** `at`: wall ms, now by default. */
  end(at?: number): void;
}

export interface SpanOptions {
  /** Who is on the other side: `client` calls somebody, `server` is called. Default: nobody. */
  readonly kind?: 'client' | 'server';
  readonly attributes?: Attributes;
  /** The span that it is a part of: what is active by default; null: none, it begins a trace. */
  readonly parent?: TraceSpan | null;
  /** Wall ms, now by default. */
  readonly at?: number;
  /** Another trace that belongs to it. */
  readonly link?: TraceSpan;
}

/** Makes spans (KubeletTracing). Absent where tracing is not configured: nobody who is traced does anything then. */
export interface Tracing {
  start(name: string, options?: SpanOptions): TraceSpan;
  /** Runs `work`; what is started by it, however late, is a part of `span`. */
  within<T>(span: TraceSpan, work: () => T): T;
}

/** A span around `work`, which fails as `work` fails. Without tracing it is `work` alone. */
export async function traced<T>(
  tracing: Tracing | undefined,
  name: string,
  work: () => Promise<T>,
  options: SpanOptions = {},
): Promise<T> {
  if (!tracing) return work();
  const span = tracing.start(name, options);
  try {
    return await tracing.within(span, work);
  } catch (error) {
    span.fail(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    span.end();
  }
}
