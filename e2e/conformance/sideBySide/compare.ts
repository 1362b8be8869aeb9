import type { ScrapedFamily } from './families.ts';
import { METRIC_PAGES, type MetricPage, SHAPES, type Shape } from './pages.ts';

/** What one kubelet says of itself. */
export interface Portrait {
  readonly metrics: Readonly<Record<MetricPage, Families>>;
  readonly shapes: Readonly<Record<Shape, readonly string[]>>;
}

export type Families = Readonly<Record<string, ScrapedFamily>>;

/** One difference. `where` and `what` are looked up in the table of reasons. */
export interface Difference {
  readonly where: string;
  readonly what: string;
  readonly go: string;
  readonly ts: string;
}

/** Everything in which two kubelets of one node differ, page by page. */
export function differences(go: Portrait, ts: Portrait): readonly Difference[] {
  return [
    ...METRIC_PAGES.flatMap((page) => familyDifferences(page, go.metrics[page], ts.metrics[page])),
    ...SHAPES.flatMap((shape) => shapeDifferences(shape, go.shapes[shape], ts.shapes[shape])),
  ];
}

/** What two scrapes of one page do not have in common. */
function familyDifferences(where: string, go: Families, ts: Families): readonly Difference[] {
  const names = [...new Set([...Object.keys(go), ...Object.keys(ts)])].sort();
  return names.flatMap((name) => {
    const [theirs, ours] = [go[name], ts[name]];
    if (!theirs || !ours) return [{ where, what: name, go: theirs?.type ?? '—', ts: ours?.type ?? '—' }];
    return ASPECTS.flatMap(({ aspect, of }) => {
      const [a, b] = [of(theirs), of(ours)];
      // Without series there are no labels and no buckets to be seen.
      const isSeen = !['labels', 'buckets'].includes(aspect) || (theirs.series > 0 && ours.series > 0);
      return a === b || !isSeen ? [] : [{ where, what: `${name}: ${aspect}`, go: a, ts: b }];
    });
  });
}

const ASPECTS: readonly { readonly aspect: string; readonly of: (family: ScrapedFamily) => string }[] = [
  { aspect: 'type', of: ({ type }) => type },
  { aspect: 'stability', of: ({ stability }) => stability },
  { aspect: 'labels', of: ({ labels }) => labels.join(', ') },
  { aspect: 'buckets', of: ({ buckets }) => buckets.map(Number).join(', ') },
  { aspect: 'value', of: ({ counts }) => (counts ? 'above 0' : '0') },
];

function shapeDifferences(where: string, go: readonly string[], ts: readonly string[]): readonly Difference[] {
  const [theirs, ours] = [new Set(go), new Set(ts)];
  return [...new Set([...go, ...ts])].sort().flatMap((path) => {
    if (theirs.has(path) === ours.has(path)) return [];
    return [{ where, what: path, go: theirs.has(path) ? 'there' : '—', ts: ours.has(path) ? 'there' : '—' }];
  });
}
