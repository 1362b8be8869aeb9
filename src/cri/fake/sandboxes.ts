// Sandboxes of the fake runtime.
import { status } from '@grpc/grpc-js';
import type { NamespaceMode, PodSandboxFilterOut, PodSandboxStatus } from '../generated/runtime.ts';
import type { RuntimeHandlers } from './handlers.ts';
import type { ContainerLife } from './life.ts';
import type { FakeSandbox, World } from './world.ts';
import { FakeError, selected } from './world.ts';

/** The RPCs about sandboxes. */
export function sandboxHandlers(world: World, life: ContainerLife): RuntimeHandlers {
  return {
    RunPodSandbox({ config, runtimeHandler }) {
      if (!config?.metadata) throw new FakeError(status.INVALID_ARGUMENT, 'sandbox config must include metadata');
      const { name, namespace, uid, attempt } = config.metadata;
      const reserved = [name, namespace, uid, attempt].join('_');
      for (const other of world.sandboxes.values()) {
        const m = other.config.metadata;
        if (m && [m.name, m.namespace, m.uid, m.attempt].join('_') === reserved) {
          const why = `name "${reserved}" is reserved for "${other.id}"`;
          throw new FakeError(status.UNKNOWN, `failed to reserve sandbox name "${reserved}": ${why}`);
        }
      }
      const id = world.newId();
      const ip = onHostNetwork(config.linux?.securityContext?.namespaceOptions?.network) ? '' : world.nextIp();
      const createdAt = world.now();
      world.sandboxes.set(id, { id, config, runtimeHandler, ready: true, createdAt, ip, additionalIps: [] });
      world.emit('CONTAINER_CREATED_EVENT', id, id);
      world.emit('CONTAINER_STARTED_EVENT', id, id);
      return { podSandboxId: id };
    },
    StopPodSandbox({ podSandboxId }) {
      const sandbox = world.sandboxes.get(podSandboxId);
      if (!sandbox) return {};
      for (const c of world.containersOf(podSandboxId)) life.kill(c);
      stopSandbox(world, sandbox);
      return {};
    },
    RemovePodSandbox({ podSandboxId }) {
      const sandbox = world.sandboxes.get(podSandboxId);
      if (!sandbox) return {};
      for (const c of world.containersOf(podSandboxId)) life.remove(c);
      stopSandbox(world, sandbox);
      world.emit('CONTAINER_DELETED_EVENT', podSandboxId, podSandboxId);
      world.sandboxes.delete(podSandboxId);
      return {};
    },
    PodSandboxStatus({ podSandboxId }) {
      return { status: sandboxStatus(world.sandbox(podSandboxId)), info: {} };
    },
    ListPodSandbox({ filter }) {
      const items = [...world.sandboxes.values()].filter((s) => passes(s, filter));
      return { items: items.map(listed) };
    },
    UpdatePodSandboxResources({ podSandboxId }) {
      world.sandbox(podSandboxId);
      return {};
    },
  };
}

/** The sandbox's own process ends: it becomes NOTREADY and loses its address. */
export function stopSandbox(world: World, sandbox: FakeSandbox): void {
  if (!sandbox.ready) return;
  sandbox.ready = false;
  sandbox.ip = '';
  sandbox.additionalIps = [];
  world.emit('CONTAINER_STOPPED_EVENT', sandbox.id, sandbox.id);
}

function onHostNetwork(mode: NamespaceMode | undefined): boolean {
  return mode === 'NODE';
}

function passes(s: FakeSandbox, filter: PodSandboxFilterOut | null): boolean {
  if (filter?.id && filter.id !== s.id) return false;
  if (filter?.state && filter.state.state !== stateOf(s)) return false;
  return selected(s.config.labels, filter?.labelSelector);
}

function stateOf(s: FakeSandbox) {
  return s.ready ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY';
}

function listed(s: FakeSandbox) {
  const { metadata, labels, annotations } = s.config;
  const { id, runtimeHandler } = s;
  return { id, metadata, state: stateOf(s), createdAt: s.createdAt, labels, annotations, runtimeHandler } as const;
}

/** A sandbox as PodSandboxStatus and the event stream show it. */
export function sandboxStatus(s: FakeSandbox): PodSandboxStatus {
  return {
    ...listed(s),
    network: { ip: s.ip, additionalIps: s.additionalIps.map((ip) => ({ ip })) },
    linux: { namespaces: { options: s.config.linux?.securityContext?.namespaceOptions ?? null } },
  };
}
