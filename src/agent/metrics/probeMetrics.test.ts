import { ProbeMetrics } from './probeMetrics.ts';

const labels = (pod_uid: string, result: 'successful' | 'failed') =>
  ({ probe_type: 'Liveness', result, container: 'c', pod: `p-${pod_uid}`, namespace: 'n', pod_uid }) as const;

test('attempts are counted and timed, until their Pod is gone', async () => {
  const metrics = new ProbeMetrics();
  for (const uid of ['u1', 'u2']) {
    metrics.attempt({ labels: labels(uid, 'successful'), seconds: 0.2 });
    metrics.attempt({ labels: labels(uid, 'failed') });
    metrics.attempt({ labels: labels(uid, 'failed') });
  }
  const before = await metrics.text();
  expect(before).toMatch(/prober_probe_total\{[^}]*result="failed"[^}]*pod_uid="u1"[^}]*\} 2/);
  expect(before).toMatch(/prober_probe_duration_seconds_count\{[^}]*pod="p-u1"[^}]*\} 1/);
  expect(before).toMatch(/^process_start_time_seconds \d/m);
  metrics.forget('u1');
  metrics.forget('never seen');
  const after = await metrics.text();
  expect(after).not.toContain('p-u1');
  expect(after).toMatch(/prober_probe_total\{[^}]*pod_uid="u2"[^}]*\} 2/);
});
