import { Metrics } from '../../k8s/metrics/metrics.ts';
import { realClock } from '../../lib/clock.ts';
import { PodTable } from '../../pods/table.ts';
import { PodProbes } from '../../probes/podProbes.ts';
import { hookCounters } from './hookMetrics.ts';

test('a hook whose sleep is cut short by its container’s end is counted', async () => {
  const metrics = new Metrics();
  using probes = new PodProbes({
    ...{ cri: {} as never, clock: realClock, random: () => 0, table: new PodTable() },
    onEvent() {},
    onMetric() {},
    onHook: hookCounters(metrics),
  });
  const ended = new AbortController();
  const container = { name: 'c', lifecycle: { postStart: { sleep: { seconds: 3600 } } } };
  const hook = probes.hooks.postStart({ metadata: { uid: 'u' } }, container, 'id', '', ended.signal);
  ended.abort(new Error('the container ended'));
  await expect(hook).rejects.toThrow();
  const lines = (await metrics.text()).split('\n');
  expect(lines).toContain('kubelet_sleep_action_terminated_early_total 1');
  expect(lines).toContain('kubelet_lifecycle_handler_http_fallbacks_total 0');
});
