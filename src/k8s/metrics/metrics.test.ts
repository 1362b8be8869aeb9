import { FAMILIES } from './families.ts';
import type { Family } from './family.ts';
import { atMost, Metrics } from './metrics.ts';

test('metrics are written in text form with their stability; a name asked for twice is one metric', async () => {
  const metrics = new Metrics();
  metrics.counter('kubelet_started_containers_total').inc({ container_type: 'container' });
  metrics.counter('kubelet_started_containers_total').inc({ container_type: 'container' }, 2);
  metrics.histogram('kubelet_pod_start_duration_seconds').observe(1.5);
  const gauge = metrics.gauge('kubelet_desired_pods', (g) => g.set(7, { static: 'true' }));
  gauge.set(1, { static: '' });
  gauge.remove({ static: '' });
  const text = await metrics.text();
  expect(text).toContain('# HELP kubelet_started_containers_total [ALPHA] Attempts to start a container\n');
  expect(text).toContain('kubelet_started_containers_total{container_type="container"} 3');
  expect(text).toContain('kubelet_pod_start_duration_seconds_bucket{le="2"} 1');
  expect(text).toContain('kubelet_desired_pods{static="true"} 7');
  expect(text).not.toContain('static=""');
});

test.each(Object.entries<Family>(FAMILIES))('%s is described as Prometheus wants it', (name, family) => {
  expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
  expect(family.help).toMatch(/^\S.*[^.\s]$/);
  expect(new Set(family.labels).size).toBe(family.labels.length);
  const { buckets = [] } = family;
  expect(family.type === 'histogram').toBe(buckets.length > 0);
  expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
});

test('of the values of a label the first few get a series, later ones never', () => {
  const known = atMost(2);
  expect(['a', 'b', 'c', 'a', 'b', 'c'].map(known)).toEqual([true, true, false, true, true, false]);
});
