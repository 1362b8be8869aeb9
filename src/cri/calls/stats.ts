// Resource usage and metrics.
import type { CriCallOptions, RuntimeCaller } from '../callers.ts';
import type {
  ContainerStatsFilter,
  ContainerStatsOut,
  MetricDescriptorOut,
  PodSandboxMetricsOut,
  PodSandboxStatsFilter,
  PodSandboxStatsOut,
} from '../generated/runtime.ts';

/** Calls about resource usage. All reject with CriError; the `stream…` forms are KEP-5825 (few runtimes have them). */
export interface StatsCalls {
  containerStats(containerId: string, options?: CriCallOptions): Promise<ContainerStatsOut | null>;
  listContainerStats(filter?: ContainerStatsFilter, options?: CriCallOptions): Promise<ContainerStatsOut[]>;
  streamContainerStats(filter?: ContainerStatsFilter, options?: CriCallOptions): Promise<ContainerStatsOut[]>;
  podSandboxStats(podSandboxId: string, options?: CriCallOptions): Promise<PodSandboxStatsOut | null>;
  listPodSandboxStats(filter?: PodSandboxStatsFilter, options?: CriCallOptions): Promise<PodSandboxStatsOut[]>;
  streamPodSandboxStats(filter?: PodSandboxStatsFilter, options?: CriCallOptions): Promise<PodSandboxStatsOut[]>;
  listMetricDescriptors(options?: CriCallOptions): Promise<MetricDescriptorOut[]>;
  listPodSandboxMetrics(options?: CriCallOptions): Promise<PodSandboxMetricsOut[]>;
  streamPodSandboxMetrics(options?: CriCallOptions): Promise<PodSandboxMetricsOut[]>;
}

export function statsCalls(caller: RuntimeCaller): StatsCalls {
  return {
    async containerStats(containerId, options) {
      return (await caller.unary('ContainerStats', { containerId }, options)).stats;
    },
    async listContainerStats(filter, options) {
      return (await caller.unary('ListContainerStats', { filter: filter ?? null }, options)).stats;
    },
    async streamContainerStats(filter, options) {
      const parts = await caller.collect('StreamContainerStats', { filter: filter ?? null }, options);
      return parts.flatMap((part) => part.containerStats);
    },
    async podSandboxStats(podSandboxId, options) {
      return (await caller.unary('PodSandboxStats', { podSandboxId }, options)).stats;
    },
    async listPodSandboxStats(filter, options) {
      return (await caller.unary('ListPodSandboxStats', { filter: filter ?? null }, options)).stats;
    },
    async streamPodSandboxStats(filter, options) {
      const parts = await caller.collect('StreamPodSandboxStats', { filter: filter ?? null }, options);
      return parts.flatMap((part) => part.podSandboxStats);
    },
    async listMetricDescriptors(options) {
      return (await caller.unary('ListMetricDescriptors', {}, options)).descriptors;
    },
    async listPodSandboxMetrics(options) {
      return (await caller.unary('ListPodSandboxMetrics', {}, options)).podMetrics;
    },
    async streamPodSandboxMetrics(options) {
      const parts = await caller.collect('StreamPodSandboxMetrics', {}, options);
      return parts.flatMap((part) => part.podSandboxMetrics);
    },
  };
}
