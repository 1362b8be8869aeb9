import type { TimelineEntry } from './entries.ts';

/** A stretch of monotonic time, ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Stretches of time that the timeline explains: something was under way, or a reason said what was waited for. */
export function explainedSpans(entries: readonly TimelineEntry[], until: number): Span[] {
  const spans: Span[] = [];
  let waiting: number | undefined;
  for (const entry of [...entries].sort((a, b) => a.at.mono - b.at.mono)) {
    if ('end' in entry && entry.end !== undefined) spans.push({ from: entry.at.mono, to: entry.end });
    if (entry.kind !== 'reasons') continue;
    if (waiting !== undefined) spans.push({ from: waiting, to: entry.at.mono });
    waiting = entry.reasons.length > 0 ? entry.at.mono : undefined;
  }
  if (waiting !== undefined) spans.push({ from: waiting, to: until });
  return spans;
}

/** Share (0–1) of a stretch that is explained. */
export function coverage(entries: readonly TimelineEntry[], stretch: Span): number {
  const length = stretch.to - stretch.from;
  if (length <= 0) return 1;
  let covered = 0;
  let reached = stretch.from;
  for (const span of explainedSpans(entries, stretch.to).sort((a, b) => a.from - b.from)) {
    const from = Math.max(reached, span.from);
    const to = Math.min(stretch.to, span.to);
    if (to <= from) continue;
    covered += to - from;
    reached = to;
  }
  return covered / length;
}
