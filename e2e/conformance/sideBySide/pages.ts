/** Pages of the kubelet's server that speak Prometheus' text form. */
export const METRIC_PAGES = [
  '/metrics',
  '/metrics/cadvisor',
  '/metrics/probes',
  '/metrics/resource',
  '/metrics/slis',
] as const;
export type MetricPage = (typeof METRIC_PAGES)[number];

/** What is compared by its keys: pages of the server, and objects that the kubelet writes. */
export const SHAPES = ['/stats/summary', '/configz', '/pods', 'Node', 'Lease', 'CSINode'] as const;
export type Shape = (typeof SHAPES)[number];
