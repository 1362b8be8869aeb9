import type { ClaimManager, ClaimManagerOptions } from '../../dra/claimManager.ts';
import type { DraPluginOptions } from '../../dra/plugin.ts';
import { atMost, type Metrics } from '../../lib/metrics.ts';

/** Bucket borders in seconds: 0.1 to 40, each as far from the next as a factor. */
const BUCKETS = Array.from({ length: 15 }, (_, i) => 0.1 * (40 / 0.1) ** (i / 14));
/** Drivers whose calls are told. */
const MAX_DRIVERS = 256;

/** dra_operations_duration_seconds and dra_grpc_operations_duration_seconds. */
export function claimMetrics(
  m: Metrics,
): Required<Pick<ClaimManagerOptions, 'onOperation'>> & { onCall: NonNullable<DraPluginOptions['onCall']> } {
  const operations = m.histogram(
    'dra_operations_duration_seconds',
    "Latency histogram in seconds for the duration of handling all ResourceClaims referenced by a pod when the pod starts or stops. Identified by the name of the operation (PrepareResources or UnprepareResources) and separated by the success of the operation. The number of failed operations is provided through the histogram's overall count.",
    BUCKETS,
    ['operation_name', 'is_error'],
  );
  const calls = m.histogram(
    'dra_grpc_operations_duration_seconds',
    'Duration in seconds of the DRA gRPC operations',
    BUCKETS,
    ['driver_name', 'method_name', 'grpc_status_code'],
  );
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
export function claimGauges(m: Metrics, claims: Pick<ClaimManager, 'inUse'>): void {
  m.gauge(
    'dra_resource_claims_in_use',
    'The number of ResourceClaims that are currently in use on the node, by driver name (driver_name label value) and across all drivers (special value <any> for driver_name). Note that the sum of all by-driver counts is not the total number of in-use ResourceClaims because the same ResourceClaim might use devices from different drivers. Instead, use the count for the <any> driver_name.',
    ['driver_name'],
    (gauge) => {
      gauge.reset();
      const { all, byDriver } = claims.inUse();
      gauge.set(all, { driver_name: '<any>' });
      for (const [driver, count] of byDriver) gauge.set(count, { driver_name: driver });
    },
  );
}
