import { markdownTable } from '../table.ts';
import type { Difference, Portrait } from './compare.ts';
import { METRIC_PAGES } from './pages.ts';
import { reasonOf } from './reasons.ts';

/** The page of results: how much was compared, and each difference with its reason. */
export function sideBySidePage(go: Portrait, found: readonly Difference[]): string {
  const counts = METRIC_PAGES.map((page) => `${Object.keys(go.metrics[page]).length} on ${page}`).join(', ');
  const rows = new Map<string, { where: string; what: string[]; go: string; ts: string; reason: string }>();
  for (const one of found) {
    const reason = reasonOf(one) ?? '**unexplained**';
    const key = JSON.stringify([one.where, one.go, one.ts, reason]);
    const row = rows.get(key);
    if (row) row.what.push(one.what);
    else rows.set(key, { where: one.where, what: [one.what], go: one.go, ts: one.ts, reason });
  }
  const named = (what: readonly string[]) => what.map((name) => `\`${name}\``).join(' ');
  const table = markdownTable([
    ['where', 'what', 'Go kubelet', 'kubelet-ts', 'reason'],
    ...[...rows.values()].map((row) => [row.where, named(row.what), row.go, row.ts, row.reason]),
  ]);
  return `# Both kubelets on one node

Written by \`npm run side-by-side\`, ${new Date().toISOString().slice(0, 10)}. The Go kubelet has these families of metrics: ${counts}. Compared are
names, types, labels, buckets, stability and whether a value is above 0; of /stats/summary, /configz, /pods, the Node, its Lease and its
CSINode the keys.

${table}
`;
}
