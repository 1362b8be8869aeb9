import { FAMILIES } from '../../../src/k8s/metrics/families.ts';
import type { Family } from '../../../src/k8s/metrics/family.ts';
import { differences } from './compare.ts';
import { familiesOf } from './families.ts';
import { METRIC_PAGES, SHAPES } from './pages.ts';
import { recordedGo } from './recorded.ts';
import { shapeOf } from './shape.ts';
import { UNTOLD, whyUntold } from './untold.ts';

const go = recordedGo();
const ours: Readonly<Record<string, Family>> = FAMILIES;
/** Written by hand in src/agent/metrics and src/stats; the comparison on a node looks at them. */
const TEXTS = /^process_|^kubelet_volume_stats_|^kubelet_server_expiration_renew_errors$/;
const counted = Object.entries({
  ...go.metrics['/metrics'],
  ...go.metrics['/metrics/probes'],
  ...go.metrics['/metrics/slis'],
});

test.each(counted.filter(([name]) => !TEXTS.test(name)))(
  '%s is the Go kubelet’s, or stands in the table of what is left out',
  (name, theirs) => {
    const family = ours[name];
    if (!family) return expect(whyUntold(name)).toBeDefined();
    expect(whyUntold(name)).toBeUndefined();
    const { type, labels, buckets = [], stability = 'ALPHA' } = family;
    expect({ type, stability }).toEqual({ type: theirs.type, stability: theirs.stability });
    expect(labels).toEqual(expect.arrayContaining([...theirs.labels]));
    const near = (border: number) => Number(border.toPrecision(6));
    expect(buckets.map(near)).toEqual(theirs.buckets.map(Number).map(near));
  },
);

test('each row of the table of what is left out fits a family that the Go kubelet has', () => {
  const names = Object.values(go.metrics).flatMap((families) => Object.keys(families));
  expect(UNTOLD.filter(({ what }) => !names.some((name) => what.test(name)))).toEqual([]);
});

test('a scrape: types, stability, labels and borders, and whether anything is above zero', () => {
  const text = `# HELP a_seconds [ALPHA] Text
# TYPE a_seconds histogram
a_seconds_bucket{verb="G\\"ET",le="0.5"} 1
a_seconds_bucket{verb="GET",le="+Inf"} 2
a_seconds_sum{verb="GET"} 3
a_seconds_count{verb="GET"} 2
# HELP b Text
# TYPE b gauge
b 0 1700000000000
# HELP c Nobody yet
# TYPE c counter
`;
  expect(familiesOf(text)).toEqual({
    a_seconds: { type: 'histogram', stability: 'ALPHA', labels: ['verb'], buckets: ['0.5'], series: 1, counts: true },
    b: { type: 'gauge', stability: '', labels: [], buckets: [], series: 1, counts: false },
  });
});

test('a shape: paths of keys, with elements of lists as one and keys that are data as one', () => {
  const value = { a: [{ b: 1 }, { c: 'x' }], metadata: { labels: { x: 'y', z: 'y' } }, n: null, e: [] };
  expect(shapeOf(value)).toEqual(['a[].b number', 'a[].c string', 'e[]', 'metadata.labels.* string', 'n null']);
});

test('what differs is found on every page, and nothing where both are one', () => {
  expect(differences(go, go)).toEqual([]);
  const bare = {
    metrics: Object.fromEntries(METRIC_PAGES.map((page) => [page, {}])),
    shapes: Object.fromEntries(SHAPES.map((shape) => [shape, []])),
  } as unknown as typeof go;
  const found = new Set(differences(go, bare).map(({ where }) => where));
  expect([...found]).toEqual([...METRIC_PAGES, ...SHAPES]);
});
