import { gzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

/** A function on a stack, as V8 names it. Lines from 0. */
export interface StackFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

/** A stack, the running function first, with one value for each of the profile's kinds. */
export interface Sample {
  readonly stack: readonly StackFrame[];
  readonly values: readonly number[];
}

export interface ProfileText {
  /** What the values are: name and unit. */
  readonly kinds: readonly (readonly [name: string, unit: string])[];
  readonly samples: readonly Sample[];
  /** Wall ms. */
  readonly startMs: number;
  readonly durationMs: number;
}

const field = (type: string, id: number, repeated = false) => ({ type, id, ...(repeated ? { rule: 'repeated' } : {}) });

/** The part of github.com/google/pprof/proto/profile.proto that is filled. */
const Profile = protobuf.Root.fromJSON({
  nested: {
    ValueType: { fields: { type: field('int64', 1), unit: field('int64', 2) } },
    Sample: { fields: { locationId: field('uint64', 1, true), value: field('int64', 2, true) } },
    Line: { fields: { functionId: field('uint64', 1), line: field('int64', 2) } },
    Location: { fields: { id: field('uint64', 1), line: field('Line', 4, true) } },
    Function: {
      fields: {
        id: field('uint64', 1),
        name: field('int64', 2),
        systemName: field('int64', 3),
        filename: field('int64', 4),
        startLine: field('int64', 5),
      },
    },
    Profile: {
      fields: {
        sampleType: field('ValueType', 1, true),
        sample: field('Sample', 2, true),
        location: field('Location', 4, true),
        function: field('Function', 5, true),
        stringTable: field('string', 6, true),
        timeNanos: field('int64', 9),
        durationNanos: field('int64', 10),
        periodType: field('ValueType', 11),
        period: field('int64', 12),
      },
    },
  },
}).lookupType('Profile');

/** A profile as `go tool pprof` reads it: protobuf in gzip. */
export function encodePprof({ kinds, samples, startMs, durationMs }: ProfileText): Buffer {
  const texts = new Map([['', 0]]);
  const text = (value: string) => {
    const at = texts.get(value) ?? texts.size;
    texts.set(value, at);
    return at;
  };
  const places = new Map<string, { id: number; frame: StackFrame }>();
  const place = (frame: StackFrame) => {
    const key = `${frame.functionName}\n${frame.url}\n${frame.lineNumber}`;
    const known = places.get(key) ?? { id: places.size + 1, frame };
    places.set(key, known);
    return known.id;
  };
  const types = kinds.map(([name, unit]) => ({ type: text(name), unit: text(unit) }));
  const sample = samples.map(({ stack, values }) => ({ locationId: stack.map(place), value: values }));
  const all = [...places.values()];
  const message = {
    sampleType: types,
    sample,
    location: all.map(({ id, frame }) => ({ id, line: [{ functionId: id, line: frame.lineNumber + 1 }] })),
    function: all.map(({ id, frame }) => {
      const name = text(frame.functionName || '(anonymous)');
      const startLine = frame.lineNumber + 1;
      return { id, name, systemName: name, filename: text(frame.url.replace(/^file:\/\//, '')), startLine };
    }),
    timeNanos: Math.round(startMs * 1e6),
    durationNanos: Math.round(durationMs * 1e6),
    periodType: types.at(-1),
    period: 1,
    stringTable: [...texts.keys()],
  };
  return gzipSync(Profile.encode(Profile.fromObject(message)).finish());
}
