import type { DeviceManagerOptions } from '../../devices/deviceManager.ts';
import type { PodResourcesOptions } from '../../devices/podResources/server.ts';
import { atMost, type Metrics } from '../../k8s/metrics/metrics.ts';

/** Resources that are told. */
const MAX_RESOURCES = 256;

/** kubelet_device_plugin_*. */
export function deviceMetrics(m: Metrics): Required<Pick<DeviceManagerOptions, 'onRegistration' | 'onAllocated'>> {
  const registrations = m.counter('kubelet_device_plugin_registration_total');
  const seconds = m.histogram('kubelet_device_plugin_alloc_duration_seconds');
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
  const total = m.counter('kubelet_pod_resources_endpoint_requests_total');
  const requests = {
    list: m.counter('kubelet_pod_resources_endpoint_requests_list'),
    get: m.counter('kubelet_pod_resources_endpoint_requests_get'),
    get_allocatable: m.counter('kubelet_pod_resources_endpoint_requests_get_allocatable'),
  };
  const errors = {
    list: m.counter('kubelet_pod_resources_endpoint_errors_list'),
    get: m.counter('kubelet_pod_resources_endpoint_errors_get'),
    get_allocatable: m.counter('kubelet_pod_resources_endpoint_errors_get_allocatable'),
  };
  return {
    onRequest: (version, method) => {
      total.inc({ server_api_version: version });
      if (method) requests[method].inc({ server_api_version: version });
    },
    onError: (version, method) => errors[method].inc({ server_api_version: version }),
  };
}
