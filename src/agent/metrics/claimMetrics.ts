import type { ClaimManagerOptions } from '../../dra/claimManager.ts';
import type { HeldClaims } from '../../dra/heldClaims.ts';
import type { DraPluginOptions } from '../../dra/plugin.ts';
import { atMost, type Metrics } from '../../k8s/metrics/metrics.ts';

/** Drivers whose calls are told. */
const MAX_DRIVERS = 256;

/** dra_operations_duration_seconds and dra_grpc_operations_duration_seconds. */
export function claimMetrics(
  m: Metrics,
): Required<Pick<ClaimManagerOptions, 'onOperation'>> & { onCall: NonNullable<DraPluginOptions['onCall']> } {
  const operations = m.histogram('dra_operations_duration_seconds');
  const calls = m.histogram('dra_grpc_operations_duration_seconds');
  const isTold = atMost(MAX_DRIVERS);
  return {
    onOperation: (operation, failed, seconds) =>
      operations.observe(seconds, { operation_name: operation, is_error: String(failed) }),
    onCall: (driver, method, { startMono, endMono, error }) => {
      if (!isTold(driver)) return;
      calls.observe((endMono - startMono) / 1000, {
        driver_name: driver,
        method_name: method,
        grpc_status_code: error?.grpcCodeName ?? 'OK',
      });
    },
  };
}

/** dra_resource_claims_in_use, read at each scrape. */
export function claimGauges(m: Metrics, claims: Pick<HeldClaims, 'inUse'>): void {
  m.gauge('dra_resource_claims_in_use', (gauge) => {
    gauge.reset();
    const { all, byDriver } = claims.inUse();
    gauge.set(all, { driver_name: '<any>' });
    for (const [driver, count] of byDriver) gauge.set(count, { driver_name: driver });
  });
}
