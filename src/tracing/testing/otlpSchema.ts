// The part of OTLP's messages (opentelemetry/proto/collector/trace/v1) that a receiver of spans reads; numbers as in the protocol.
import protobuf from 'protobufjs/light.js';

const field = (id: number, type: string, rule?: 'repeated') => ({ id, type, ...(rule && { rule }) });

const root = protobuf.Root.fromJSON({
  nested: {
    Value: {
      oneofs: { value: { oneof: ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'arrayValue'] } },
      fields: {
        stringValue: field(1, 'string'),
        boolValue: field(2, 'bool'),
        intValue: field(3, 'int64'),
        doubleValue: field(4, 'double'),
        arrayValue: field(5, 'Values'),
      },
    },
    Values: { fields: { values: field(1, 'Value', 'repeated') } },
    KeyValue: { fields: { key: field(1, 'string'), value: field(2, 'Value') } },
    Resource: { fields: { attributes: field(1, 'KeyValue', 'repeated') } },
    Scope: { fields: { name: field(1, 'string'), version: field(2, 'string') } },
    Event: {
      fields: {
        timeUnixNano: field(1, 'fixed64'),
        name: field(2, 'string'),
        attributes: field(3, 'KeyValue', 'repeated'),
      },
    },
    Link: { fields: { traceId: field(1, 'bytes'), spanId: field(2, 'bytes') } },
    Status: { fields: { message: field(2, 'string'), code: field(3, 'int32') } },
    Span: {
      fields: {
        traceId: field(1, 'bytes'),
        spanId: field(2, 'bytes'),
        parentSpanId: field(4, 'bytes'),
        name: field(5, 'string'),
        kind: field(6, 'int32'),
        startTimeUnixNano: field(7, 'fixed64'),
        endTimeUnixNano: field(8, 'fixed64'),
        attributes: field(9, 'KeyValue', 'repeated'),
        events: field(11, 'Event', 'repeated'),
        links: field(13, 'Link', 'repeated'),
        status: field(15, 'Status'),
      },
    },
    ScopeSpans: { fields: { scope: field(1, 'Scope'), spans: field(2, 'Span', 'repeated') } },
    ResourceSpans: { fields: { resource: field(1, 'Resource'), scopeSpans: field(2, 'ScopeSpans', 'repeated') } },
    Request: { fields: { resourceSpans: field(1, 'ResourceSpans', 'repeated') } },
  },
});

export type ReceivedValue = string | number | boolean | readonly unknown[] | undefined;

/** One span as a collector gets it. Times are ms since 1970; ids are hex, '' for none. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, ReceivedValue>>;
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, ReceivedValue>> }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  /** 2: it failed. */
  readonly status: { readonly code: number; readonly message: string };
  readonly resource: Readonly<Record<string, ReceivedValue>>;
  readonly scope: string;
}

/** Reads the body of an Export request. Throws on bytes that are none. */
export function readRequest(bytes: Uint8Array): ReceivedSpan[] {
  const type = root.lookupType('Request');
  const request = type.toObject(type.decode(bytes), { longs: String, bytes: Buffer, defaults: true, oneofs: true });
  return request.resourceSpans.flatMap(({ resource, scopeSpans }: Raw) =>
    scopeSpans.flatMap(({ scope, spans }: Raw) =>
      spans.map((span: Raw) => ({
        ...readSpan(span),
        resource: attributesOf(resource?.attributes),
        scope: scope?.name ?? '',
      })),
    ),
  );
}

// biome-ignore lint/suspicious/noExplicitAny: what protobufjs decodes has no types
type Raw = any;

const hex = (bytes: Buffer) => Buffer.from(bytes).toString('hex');
const ms = (nanos: string) => Number(nanos) / 1e6;

function readSpan(span: Raw): Omit<ReceivedSpan, 'resource' | 'scope'> {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentSpanId: hex(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    start: ms(span.startTimeUnixNano),
    end: ms(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    events: span.events.map(({ name, attributes }: Raw) => ({ name, attributes: attributesOf(attributes) })),
    links: span.links.map(({ traceId, spanId }: Raw) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
    status: { code: span.status?.code ?? 0, message: span.status?.message ?? '' },
  };
}

function attributesOf(list: readonly Raw[] = []): Record<string, ReceivedValue> {
  return Object.fromEntries(list.map(({ key, value }) => [key, readValue(value)]));
}

function readValue(value: Raw): ReceivedValue {
  switch (value?.value) {
    case 'arrayValue':
      return value.arrayValue.values.map(readValue);
    case 'intValue':
      return Number(value.intValue);
    default:
      return value?.[value?.value];
  }
}
