// Containers of the fake runtime.
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type {
  ContainerConfigOut,
  ContainerFilterOut,
  ContainerStatus,
  PodSandboxConfigOut,
} from '../generated/runtime.ts';
import type { RuntimeHandlers } from './handlers.ts';
import type { FakeImages } from './images.ts';
import type { ContainerLife } from './life.ts';
import type { Scripts } from './scripts.ts';
import type { FakeContainer, World } from './world.ts';
import { FakeError, selected } from './world.ts';

/** The RPCs about containers, commands in them excepted. */
export function containerHandlers(
  world: World,
  life: ContainerLife,
  images: FakeImages,
  scripts: Scripts,
): RuntimeHandlers {
  return {
    CreateContainer({ podSandboxId, config, sandboxConfig }) {
      const created = newContainer(world, images, scripts, podSandboxId, config, sandboxConfig);
      world.containers.set(created.id, created);
      world.emit('CONTAINER_CREATED_EVENT', created.id, podSandboxId);
      return { containerId: created.id };
    },
    StartContainer({ containerId }) {
      const c = world.container(containerId);
      if (!world.sandbox(c.sandboxId).ready) {
        throw new FakeError(status.UNKNOWN, `sandbox container "${c.sandboxId}" is not running`);
      }
      life.start(c);
      return {};
    },
    async StopContainer({ containerId, timeout }, { signal }) {
      const c = world.containers.get(containerId);
      if (c) await life.stop(c, Number(timeout) * 1000, signal);
      return {};
    },
    RemoveContainer({ containerId }) {
      const c = world.containers.get(containerId);
      if (c && world.leftTasks.has(c.id))
        throw new FakeError(status.FAILED_PRECONDITION, `cannot delete running task ${c.id}: failed precondition`);
      if (c) life.remove(c);
      return {};
    },
    ListContainers({ filter }) {
      const all = [...world.containers.values()].filter((c) => passes(c, filter));
      return { containers: all.map(listed) };
    },
    ContainerStatus({ containerId }) {
      return { status: containerStatus(world.container(containerId)), info: {} };
    },
    UpdateContainerResources({ containerId, linux }) {
      const c = world.container(containerId);
      if (linux) c.resources = { ...(c.resources ?? linux), ...nonZero(linux) };
      return {};
    },
    ReopenContainerLog({ containerId }) {
      const c = world.container(containerId);
      if (c.state !== 'CONTAINER_RUNNING') throw new FakeError(status.UNKNOWN, 'container is not running');
      return {};
    },
    CheckpointContainer({ containerId }) {
      world.container(containerId);
      return {};
    },
  };
}

function newContainer(
  world: World,
  images: FakeImages,
  scripts: Scripts,
  podSandboxId: string,
  config: ContainerConfigOut | null,
  sandboxConfig: PodSandboxConfigOut | null,
): FakeContainer {
  const sandbox = world.sandbox(podSandboxId);
  if (!config?.metadata) throw new FakeError(status.INVALID_ARGUMENT, 'container config must include metadata');
  if (!sandbox.ready) throw new FakeError(status.UNKNOWN, `sandbox container "${podSandboxId}" is not running`);
  const image = images.find(config.image?.image ?? '');
  if (!image) {
    throw new FakeError(status.NOT_FOUND, `failed to resolve image "${config.image?.image}": not found`);
  }
  const { name, attempt } = config.metadata;
  for (const c of world.containersOf(podSandboxId)) {
    if (c.config.metadata?.name === name && c.config.metadata.attempt === attempt) {
      const reserved = `${name}_${attempt}`;
      const why = `name "${reserved}" is reserved for "${c.id}"`;
      throw new FakeError(status.UNKNOWN, `failed to reserve container name "${reserved}": ${why}`);
    }
  }
  return {
    id: world.newId(),
    sandboxId: podSandboxId,
    config,
    imageRef: image.id,
    logDirectory: sandboxConfig?.logDirectory ?? sandbox.config.logDirectory,
    script: scripts.scriptOf(config),
    state: 'CONTAINER_CREATED',
    createdAt: world.now(),
    startedAt: 0n,
    finishedAt: 0n,
    exitCode: 0,
    reason: '',
    message: '',
    resources: config.linux?.resources ?? null,
    signals: [],
    waiters: new Set(),
  };
}

function nonZero<T extends object>(given: T): Partial<T> {
  const set = Object.entries(given).filter(([, v]) => v !== '0' && v !== '' && (!Array.isArray(v) || v.length > 0));
  return Object.fromEntries(set) as Partial<T>;
}

function passes(c: FakeContainer, filter: ContainerFilterOut | null): boolean {
  if (filter?.id && filter.id !== c.id) return false;
  if (filter?.state && filter.state.state !== c.state) return false;
  if (filter?.podSandboxId && filter.podSandboxId !== c.sandboxId) return false;
  return selected(c.config.labels, filter?.labelSelector);
}

function listed(c: FakeContainer) {
  const { metadata, image, labels, annotations } = c.config;
  const { id, state, createdAt, sandboxId: podSandboxId, imageRef } = c;
  const imageId = imageRef;
  return { id, podSandboxId, metadata, image, imageRef, imageId, state, createdAt, labels, annotations };
}

/** A container as ContainerStatus and the event stream show it. */
export function containerStatus(c: FakeContainer): ContainerStatus {
  const { podSandboxId: _, ...common } = listed(c);
  const security = c.config.linux?.securityContext;
  const user = { uid: security?.runAsUser?.value ?? 0, gid: security?.runAsGroup?.value ?? 0, supplementalGroups: [] };
  return {
    ...common,
    startedAt: c.startedAt,
    finishedAt: c.finishedAt,
    exitCode: c.exitCode,
    reason: c.reason,
    message: c.message,
    mounts: c.config.mounts,
    logPath: c.logDirectory && c.config.logPath ? join(c.logDirectory, c.config.logPath) : '',
    resources: c.resources ? { linux: c.resources } : null,
    user: c.startedAt > 0n ? { linux: user } : null,
  };
}
