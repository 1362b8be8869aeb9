import type { DeviceManagerOptions } from '../../devices/deviceManager.ts';
import type { Metrics } from '../../lib/metrics.ts';

/** Prometheus' default buckets, in seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** A plug-in may register under as many names as it likes; each would be a series for ever. */
const MAX_RESOURCES = 256;

/** kubelet_device_plugin_*. */
export function deviceMetrics(m: Metrics): Required<Pick<DeviceManagerOptions, 'onRegistration' | 'onAllocated'>> {
  const label = ['resource_name'];
  const registrations = m.counter(
    'kubelet_device_plugin_registration_total',
    'Cumulative number of device plugin registrations. Broken down by resource name.',
    label,
  );
  const seconds = m.histogram(
    'kubelet_device_plugin_alloc_duration_seconds',
    'Duration in seconds to serve a device plugin Allocation request. Broken down by resource name.',
    BUCKETS,
    label,
  );
  const known = new Set<string>();
  const isCounted = (resource: string) => known.has(resource) || (known.size < MAX_RESOURCES && !!known.add(resource));
  return {
    onRegistration: (resource) => {
      if (isCounted(resource)) registrations.inc({ resource_name: resource });
    },
    onAllocated: (resource, took) => {
      if (isCounted(resource)) seconds.observe(took, { resource_name: resource });
    },
  };
}
