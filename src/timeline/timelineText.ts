import { printableLine } from '../lib/printable.ts';
import type { TimelineEntry } from './entries.ts';
import type { PodRecord } from './recorder.ts';
import { sentence } from './sentences.ts';

const barWidth = 32;

/** The Pod's story: offset from its start, duration, what. With a bar of where in the whole each step lies. */
export function timelineText(record: PodRecord): string {
  const entries = [...record.entries.items].sort((a, b) => a.at.mono - b.at.mono);
  const first = entries[0];
  if (!first) return `${record.namespace}/${record.name}: nothing recorded yet.\n`;
  const start = first.at.mono;
  const end = Math.max(...entries.map((e) => ('end' in e && e.end !== undefined ? e.end : e.at.mono)));
  const head = `${record.namespace}/${record.name} (${record.uid}) since ${new Date(first.at.wall).toISOString()}\n`;
  const dropped = record.entries.dropped > 0 ? `  (${record.entries.dropped} earlier entries were dropped)\n` : '';
  return head + dropped + entries.map((e) => line(e, start, Math.max(1, end - start))).join('');
}

function line(entry: TimelineEntry, start: number, span: number): string {
  const from = entry.at.mono - start;
  const to = 'end' in entry && entry.end !== undefined ? entry.end - start : from;
  const took = to > from ? `${(to - from).toFixed(1)} ms`.padStart(12) : ''.padStart(12);
  return `${`+${from.toFixed(1)}`.padStart(11)} ms ${took} |${bar(from, to, span)}| ${printableLine(describe(entry))}\n`;
}

function bar(from: number, to: number, span: number): string {
  const a = Math.min(barWidth - 1, Math.floor((from / span) * barWidth));
  const b = Math.min(barWidth, Math.max(a + 1, Math.ceil((to / span) * barWidth)));
  return `${' '.repeat(a)}${(to > from ? '=' : '.').repeat(b - a)}${' '.repeat(barWidth - b)}`;
}

function describe(entry: TimelineEntry): string {
  switch (entry.kind) {
    case 'heard':
      return `heard of it from ${entry.origin}${entry.createdAt ? `, created ${Math.max(0, entry.at.wall - entry.createdAt).toFixed(0)} ms ago` : ''}`;
    case 'phase':
      return `now ${entry.phase}`;
    case 'reasons':
      return entry.reasons.length === 0
        ? 'nothing holds it back'
        : `waits: ${entry.reasons.map((r) => sentence(r, entry.at.mono)).join('; ')}`;
    case 'action':
      return `${entry.action} (${entry.slot})${entry.error ? ` failed: ${entry.error}` : ''}`;
    case 'status':
      return `status write: ${entry.summary}${entry.error ? ` failed: ${entry.error}` : ''}`;
    case 'runtime':
      return `runtime: ${entry.what}`;
    case 'event':
      return `event ${entry.reason}: ${entry.message}`;
  }
}
