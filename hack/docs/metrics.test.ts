import { metricsPage } from './metrics.ts';

test('docs/generated/metrics.md lists every metric (node hack/docs/metrics.ts)', () => {
  const { now, wanted } = metricsPage();
  expect(now).toBe(wanted);
});
