/** What a scrape tells of one family of metrics. */
export interface ScrapedFamily {
  readonly type: string;
  /** ALPHA, BETA, STABLE … as the help text begins with it; empty where it does not. */
  readonly stability: string;
  /** Names of labels of any of its series, without `le` and `quantile`; sorted. */
  readonly labels: readonly string[];
  /** Upper borders of a histogram's buckets, as written, without +Inf. */
  readonly buckets: readonly string[];
  /** How many series there are; of a histogram its `_count`s are counted, not its buckets. */
  readonly series: number;
  /** Whether any of its values is above zero. */
  readonly counts: boolean;
}

interface Growing {
  type: string;
  stability: string;
  labels: Set<string>;
  buckets: Set<string>;
  series: number;
  counts: boolean;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

/** The families of a scrape in Prometheus' text form, by name. Lines that are none are left out. */
export function familiesOf(text: string): Record<string, ScrapedFamily> {
  const found = new Map<string, Growing>();
  const of = (name: string): Growing => {
    const known = found.get(name);
    if (known) return known;
    const fresh = { type: 'untyped', stability: '', labels: new Set<string>(), buckets: new Set<string>() };
    const family: Growing = { ...fresh, series: 0, counts: false };
    found.set(name, family);
    return family;
  };
  for (const line of text.split('\n')) {
    const [, what, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (what === 'TYPE') of(name).type = rest;
    else if (what === 'HELP') of(name).stability = /^\[(\w+)\]/.exec(rest)?.[1] ?? '';
    else if (!line.startsWith('#')) addSample(found, line);
  }
  // client_golang names a family of several series only when it has one; prom-client before that.
  const seen = [...found].filter(([, { series }]) => series > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(seen.map(([name, family]) => [name, finished(family)]));
}

function addSample(found: ReadonlyMap<string, Growing>, line: string): void {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
  const family = found.get(name) ?? found.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  if (!family) return;
  if (Number(value) > 0) family.counts = true;
  for (const [, label = '', text = ''] of labels.matchAll(LABEL)) {
    if (label === 'le') {
      if (text !== '+Inf') family.buckets.add(text);
    } else if (label !== 'quantile') family.labels.add(label);
  }
  if (!name.endsWith('_bucket') && !name.endsWith('_sum')) family.series += 1;
}

function finished({ labels, buckets, ...rest }: Growing): ScrapedFamily {
  const borders = [...buckets].sort((a, b) => Number(a) - Number(b));
  return { ...rest, labels: [...labels].sort(), buckets: borders };
}
