import type { PodRecord, Recorder, TraceRecord } from '../../timeline/recorder.ts';
import { timelineText } from '../../timeline/timelineText.ts';
import { why, whyText } from '../../timeline/why.ts';
import { type Exchange, send } from '../http/exchange.ts';
import { sendPieces } from '../http/sendPieces.ts';

/** A plain answer: the whole body at once, or in pieces that are made one by one because all at once would take too long. */
export interface ExplanationAnswer {
  readonly status: number;
  readonly type: 'text/plain; charset=utf-8' | 'application/json';
  readonly body: string | Pieces;
}

/** Sends it in the way that its body asks for. */
export async function sendAnswer(
  exchange: Pick<Exchange, 'response' | 'method' | 'signal'>,
  { status, type, body }: ExplanationAnswer,
): Promise<void> {
  if (typeof body === 'string') send(exchange, status, type, body);
  else await sendPieces(exchange, type, body.pieces());
}

/** To be walked once. */
export interface Pieces {
  pieces(): Iterable<string>;
}

/** What the explanation endpoints read. */
export interface ExplanationSource {
  readonly recorder: Recorder;
  /** Monotonic ms, for durations. */
  mono(): number;
  /** Brings what is only looked up on demand (pull progress) up to date. */
  refresh(): Promise<void>;
  /** What the node is short of, and where its CPUs, memory and devices are, in both forms; absent where nobody looks after it. */
  node?(): Promise<{ readonly text: string; readonly json: unknown }>;
}

const text = (status: number, body: string): ExplanationAnswer => ({ status, type: 'text/plain; charset=utf-8', body });
const json = (value: unknown): ExplanationAnswer => ({
  status: 200,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
});

type View = (record: PodRecord, source: ExplanationSource, asJson: boolean) => ExplanationAnswer;

const views: Readonly<Record<string, View>> = {
  why: (record, source, asJson) => {
    const answer = why(record, source.mono());
    return asJson ? json(answer) : text(200, whyText(answer));
  },
  timeline: (record, _source, asJson) =>
    asJson
      ? json({
          uid: record.uid,
          namespace: record.namespace,
          name: record.name,
          dropped: record.entries.dropped,
          entries: record.entries.items,
        })
      : text(200, timelineText(record)),
  trace: (record) => {
    // Decisions that are made while the answer is on its way are not in it.
    const [records, dropped] = [[...record.trace.items], record.trace.dropped];
    return { status: 200, type: 'application/json', body: { pieces: () => tracePieces(record, dropped, records) } };
  },
};

/** One piece a decision: each holds a whole Pod spec and what the runtime said, and there are up to 150. */
function* tracePieces(
  { uid, namespace, name }: PodRecord,
  dropped: number,
  records: readonly TraceRecord[],
): Iterable<string> {
  yield `${JSON.stringify({ uid, namespace, name, dropped }).slice(0, -1)},"records":[`;
  for (const [i, record] of records.entries()) yield `${i > 0 ? ',' : ''}${JSON.stringify(record)}`;
  yield ']}\n';
}

/**
 * `/debug/pods/{namespace}/{name}/{why|timeline|trace}`, `/debug/pods/why` (every Pod that waits) and `/debug/node/why`.
 * `?output=json` or an Accept header asks for JSON; a trace is always JSON.
 */
export async function podExplanation(
  path: string,
  asJson: boolean,
  source: ExplanationSource,
): Promise<ExplanationAnswer | undefined> {
  const parts = path.split('/').slice(1);
  if (path === '/debug/node/why' && source.node) {
    const answer = await source.node();
    return asJson ? json(answer.json) : text(200, answer.text);
  }
  if (parts[0] !== 'debug' || parts[1] !== 'pods') return undefined;
  await source.refresh();
  if (parts.length === 3 && parts[2] === 'why') return whyAll(source, asJson);
  const [, , namespace, name, kind] = parts.map(decode);
  const view = kind === undefined ? undefined : views[kind];
  if (parts.length !== 5 || !view || namespace === undefined || name === undefined) return undefined;
  const record = source.recorder.find(namespace, name);
  if (!record) return text(404, `pod ${JSON.stringify(`${namespace}/${name}`)} is not known on this node\n`);
  return view(record, source, asJson);
}

/** Text is shown as it is. */
function whyAll(source: ExplanationSource, asJson: boolean): ExplanationAnswer {
  const waiting = source.recorder
    .all()
    .filter((r) => !r.ended && r.reasons.length > 0)
    .map((r) => why(r, source.mono()));
  if (asJson) return json(waiting);
  return text(200, waiting.length === 0 ? 'No Pod on this node waits for anything.\n' : waiting.map(whyText).join(''));
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
