// Containers.
import type { CriCallOptions, RuntimeCaller } from '../callers.ts';
import type {
  ContainerConfig,
  ContainerFilter,
  ContainerOut,
  ContainerStatusResponseOut,
  PodSandboxConfig,
  UpdateContainerResourcesRequest,
} from '../generated/runtime.ts';

/** Calls about containers. All reject with CriError. */
export interface ContainerCalls {
  /** Creates a container in a sandbox; returns its id. */
  createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
    options?: CriCallOptions,
  ): Promise<string>;
  startContainer(containerId: string, options?: CriCallOptions): Promise<void>;
  /** SIGTERM (or the stop signal), and SIGKILL after `timeoutSeconds`. The deadline is the usual one plus that time. */
  stopContainer(containerId: string, timeoutSeconds: number, options?: CriCallOptions): Promise<void>;
  removeContainer(containerId: string, options?: CriCallOptions): Promise<void>;
  listContainers(filter?: ContainerFilter, options?: CriCallOptions): Promise<ContainerOut[]>;
  /** As listContainers, without the limit of one message (KEP-5825; few runtimes have it). */
  streamContainers(filter?: ContainerFilter, options?: CriCallOptions): Promise<ContainerOut[]>;
  containerStatus(
    containerId: string,
    verbose?: boolean,
    options?: CriCallOptions,
  ): Promise<ContainerStatusResponseOut>;
  updateContainerResources(request: UpdateContainerResourcesRequest, options?: CriCallOptions): Promise<void>;
  reopenContainerLog(containerId: string, options?: CriCallOptions): Promise<void>;
  /** Writes a checkpoint archive to `location`. `timeoutSeconds` 0: the usual deadline. */
  checkpointContainer(
    containerId: string,
    location: string,
    timeoutSeconds: number,
    options?: CriCallOptions,
  ): Promise<void>;
}

export function containerCalls(caller: RuntimeCaller): ContainerCalls {
  const usual = caller.requestTimeoutMs;
  return {
    async createContainer(podSandboxId, config, sandboxConfig, options) {
      return (await caller.unary('CreateContainer', { podSandboxId, config, sandboxConfig }, options)).containerId;
    },
    async startContainer(containerId, options) {
      await caller.unary('StartContainer', { containerId }, options);
    },
    async stopContainer(containerId, timeoutSeconds, options) {
      const request = { containerId, timeout: timeoutSeconds };
      await caller.unary('StopContainer', request, options, usual + timeoutSeconds * 1000);
    },
    async removeContainer(containerId, options) {
      await caller.unary('RemoveContainer', { containerId }, options);
    },
    async listContainers(filter, options) {
      return (await caller.unary('ListContainers', { filter: filter ?? null }, options)).containers;
    },
    async streamContainers(filter, options) {
      const parts = await caller.collect('StreamContainers', { filter: filter ?? null }, options);
      return parts.flatMap((part) => part.containers);
    },
    containerStatus: (containerId, verbose = false, options) =>
      caller.unary('ContainerStatus', { containerId, verbose }, options),
    async updateContainerResources(request, options) {
      await caller.unary('UpdateContainerResources', request, options);
    },
    async reopenContainerLog(containerId, options) {
      await caller.unary('ReopenContainerLog', { containerId }, options);
    },
    async checkpointContainer(containerId, location, timeoutSeconds, options) {
      const request = { containerId, location, timeout: timeoutSeconds };
      await caller.unary('CheckpointContainer', request, options, timeoutSeconds * 1000 || usual);
    },
  };
}
