import type { DeviceManagerOptions } from '../../devices/deviceManager.ts';
import type { PodResourcesOptions } from '../../devices/podResources/server.ts';
import { atMost, DEFAULT_BUCKETS, type Metrics } from '../../lib/metrics.ts';

/** Resources that are told. */
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
    DEFAULT_BUCKETS,
    label,
  );
  const isTold = atMost(MAX_RESOURCES);
  return {
    onRegistration: (resource) => {
      if (isTold(resource)) registrations.inc({ resource_name: resource });
    },
    onAllocated: (resource, took) => {
      if (isTold(resource)) seconds.observe(took, { resource_name: resource });
    },
  };
}

/** kubelet_pod_resources_endpoint_*. */
export function podResourcesMetrics(m: Metrics): Required<Pick<PodResourcesOptions, 'onRequest' | 'onError'>> {
  const counter = (name: string, help: string) =>
    m.counter(`kubelet_pod_resources_endpoint_${name}`, `${help} Broken down by server api version.`, [
      'server_api_version',
    ]);
  const total = counter('requests_total', 'Cumulative number of requests to the PodResource endpoint.');
  const requests = {
    list: counter('requests_list', 'Number of requests to the PodResource List endpoint.'),
    get: counter('requests_get', 'Number of requests to the PodResource Get endpoint.'),
    get_allocatable: counter(
      'requests_get_allocatable',
      'Number of requests to the PodResource GetAllocatableResources endpoint.',
    ),
  };
  const failed = (endpoint: string) =>
    `Number of requests to the PodResource ${endpoint} endpoint which returned error.`;
  const errors = {
    list: counter('errors_list', failed('List')),
    get: counter('errors_get', failed('Get')),
    get_allocatable: counter('errors_get_allocatable', failed('GetAllocatableResources')),
  };
  return {
    onRequest: (version, method) => {
      total.inc({ server_api_version: version });
      if (method) requests[method].inc({ server_api_version: version });
    },
    onError: (version, method) => errors[method].inc({ server_api_version: version }),
  };
}
