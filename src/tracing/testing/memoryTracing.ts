import type { Attributes, SpanOptions, TraceSpan, Tracing } from '../spans.ts';

/** A span as a test looks at it. */
export class MemorySpan implements TraceSpan {
  name: string;
  readonly parent: MemorySpan | undefined;
  readonly options: SpanOptions;
  readonly attributes: Record<string, unknown>;
  readonly events: { readonly name: string }[] = [];
  readonly id: number;
  recording = true;
  error: string | undefined;
  endedAt: number | undefined;

  constructor(id: number, name: string, options: SpanOptions, parent: MemorySpan | undefined) {
    this.id = id;
    this.name = name;
    this.options = options;
    this.parent = parent;
    this.attributes = { ...options.attributes };
  }

  get traceparent(): string {
    return `00-${'a'.repeat(32)}-${String(this.id).padStart(16, '0')}-01`;
  }
  rename(name: string): void {
    this.name = name;
  }
  set(attributes: Attributes): void {
    Object.assign(this.attributes, attributes);
  }
  event(name: string, attributes: Attributes = {}): void {
    this.events.push({ name, ...attributes });
  }
  fail(message: string): void {
    this.error = message;
  }
  end(at?: number): void {
    if (!this.recording) throw new Error(`${this.name} was ended twice`);
    this.recording = false;
    this.endedAt = at ?? Number.NaN;
  }
}

/** Keeps all spans. What is active is followed through synchronous work only. */
export class MemoryTracing implements Tracing {
  readonly spans: MemorySpan[] = [];
  #active: MemorySpan | undefined;

  start(name: string, options: SpanOptions = {}): MemorySpan {
    const parent = options.parent === undefined ? this.#active : (options.parent ?? undefined);
    const span = new MemorySpan(this.spans.length, name, options, parent as MemorySpan | undefined);
    this.spans.push(span);
    return span;
  }

  within<T>(span: TraceSpan, work: () => T): T {
    const before = this.#active;
    this.#active = span as MemorySpan;
    try {
      return work();
    } finally {
      this.#active = before;
    }
  }

  /** Those of a name. */
  named(name: string): MemorySpan[] {
    return this.spans.filter((span) => span.name === name);
  }

  /** `name < parent`, in the order of their beginning. */
  get tree(): string[] {
    return this.spans.map(({ name, parent }) => (parent ? `${name} < ${parent.name}` : name));
  }
}
