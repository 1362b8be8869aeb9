import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { Clock } from '../../lib/clock.ts';
import type { CertificateManager } from './certificateManager.ts';

const NAMES = {
  client: {
    ttl: 'kubelet_certificate_manager_client_ttl_seconds',
    failures: 'kubelet_certificate_manager_client_expiration_renew_errors',
  },
  server: {
    ttl: 'kubelet_certificate_manager_server_ttl_seconds',
    failures: 'kubelet_server_expiration_renew_errors',
  },
} as const;

/** Kubelet's metrics of a certificate: how long it lasts (+Inf without one), failed renewals, and the age of replaced serving ones. */
export function measureCertificate(
  manager: CertificateManager,
  which: keyof typeof NAMES,
  metrics: Metrics,
  clock: Clock,
): void {
  const { ttl, failures } = NAMES[which];
  metrics.gauge(ttl, (gauge) => {
    const pair = manager.current();
    gauge.set(pair ? Math.trunc((pair.notAfter - clock.now().wall) / 1000) : Number.POSITIVE_INFINITY);
  });
  const failed = metrics.counter(failures);
  manager.onFailure(() => failed.inc());
  if (which === 'client') return;
  const ages = metrics.histogram('kubelet_certificate_manager_server_rotation_seconds');
  let last = manager.current();
  manager.onChange(() => {
    if (last) ages.observe((clock.now().wall - last.notBefore) / 1000);
    last = manager.current();
  });
}
