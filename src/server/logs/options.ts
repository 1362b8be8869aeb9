import { HttpError } from '../http/exchange.ts';

/** PodLogOptions as far as the node answers them. */
export interface LogOptions {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
  /** Wall ms; entries before it are left out. */
  readonly since: number | undefined;
  readonly stream: 'All' | 'Stdout' | 'Stderr';
}

const undecodable = () => new HttpError(400, '{"message": "Unable to decode query."}');
const invalid = () => new HttpError(422, '{"message": "Invalid request."}');

/** Reads the query of a log request. Throws the HttpError that kubelet answers a wrong one with. */
export function logOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const tail = query.get('tail');
  const tailText = tail ? (tail === 'all' ? null : tail) : query.get('tailLines');
  const tailLines = integer(tailText);
  const limitBytes = integer(query.get('limitBytes'));
  const sinceSeconds = integer(query.get('sinceSeconds'));
  const sinceTime = time(query.get('sinceTime'));
  const stream = query.get('stream') ?? 'All';
  if (tailLines !== undefined && tailLines < 0) throw invalid();
  if (limitBytes !== undefined && limitBytes < 1) throw invalid();
  if (sinceSeconds !== undefined && (sinceTime !== undefined || sinceSeconds < 1)) throw invalid();
  if (stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr') throw invalid();
  if (stream !== 'All' && tailLines !== undefined) throw invalid();
  return {
    follow: flag(query.get('follow')),
    previous: flag(query.get('previous')),
    timestamps: flag(query.get('timestamps')),
    tailLines,
    limitBytes,
    since: sinceSeconds === undefined ? sinceTime : nowMs - sinceSeconds * 1000,
    stream,
  };
}

/** As the API machinery reads a boolean: given at all means true, but for `false` and `0`. */
function flag(text: string | null): boolean {
  return text !== null && text.toLowerCase() !== 'false' && text !== '0';
}

function integer(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^[+-]?\d{1,19}$/.test(text)) throw undecodable();
  const value = BigInt(text);
  if (BigInt.asIntN(64, value) !== value) throw undecodable();
  return Number(value);
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

function time(text: string | null): number | undefined {
  if (text === null || text === '' || text === 'null') return undefined;
  const ms = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw undecodable();
  return ms;
}
