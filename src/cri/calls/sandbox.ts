// Pod sandboxes.
import type { CriCallOptions, RuntimeCaller } from '../callers.ts';
import type {
  LinuxContainerResources,
  PodSandboxConfig,
  PodSandboxFilter,
  PodSandboxOut,
  PodSandboxStatusResponseOut,
} from '../generated/runtime.ts';

/** Calls about Pod sandboxes. All reject with CriError. */
export interface SandboxCalls {
  /** Creates and starts a sandbox; returns its id. Its deadline is twice the usual one: it waits for the network plugin. */
  runPodSandbox(config: PodSandboxConfig, runtimeHandler: string, options?: CriCallOptions): Promise<string>;
  /** Kills what runs in it and tears its network down; repeating it is safe. */
  stopPodSandbox(podSandboxId: string, options?: CriCallOptions): Promise<void>;
  removePodSandbox(podSandboxId: string, options?: CriCallOptions): Promise<void>;
  podSandboxStatus(
    podSandboxId: string,
    verbose?: boolean,
    options?: CriCallOptions,
  ): Promise<PodSandboxStatusResponseOut>;
  listPodSandbox(filter?: PodSandboxFilter, options?: CriCallOptions): Promise<PodSandboxOut[]>;
  /** As listPodSandbox, without the limit of one message (KEP-5825; few runtimes have it). */
  streamPodSandboxes(filter?: PodSandboxFilter, options?: CriCallOptions): Promise<PodSandboxOut[]>;
  updatePodSandboxResources(
    podSandboxId: string,
    overhead: LinuxContainerResources | undefined,
    resources: LinuxContainerResources | undefined,
    options?: CriCallOptions,
  ): Promise<void>;
}

export function sandboxCalls(caller: RuntimeCaller): SandboxCalls {
  return {
    async runPodSandbox(config, runtimeHandler, options) {
      const request = { config, runtimeHandler };
      return (await caller.unary('RunPodSandbox', request, options, 2 * caller.requestTimeoutMs)).podSandboxId;
    },
    async stopPodSandbox(podSandboxId, options) {
      await caller.unary('StopPodSandbox', { podSandboxId }, options);
    },
    async removePodSandbox(podSandboxId, options) {
      await caller.unary('RemovePodSandbox', { podSandboxId }, options);
    },
    podSandboxStatus: (podSandboxId, verbose = false, options) =>
      caller.unary('PodSandboxStatus', { podSandboxId, verbose }, options),
    async listPodSandbox(filter, options) {
      return (await caller.unary('ListPodSandbox', { filter: filter ?? null }, options)).items;
    },
    async streamPodSandboxes(filter, options) {
      const parts = await caller.collect('StreamPodSandboxes', { filter: filter ?? null }, options);
      return parts.flatMap((part) => part.podSandboxes);
    },
    async updatePodSandboxResources(podSandboxId, overhead, resources, options) {
      const request = { podSandboxId, overhead: overhead ?? null, resources: resources ?? null };
      await caller.unary('UpdatePodSandboxResources', request, options);
    },
  };
}
