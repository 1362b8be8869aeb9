import type {
  AllocatableResourcesResponse,
  ContainerDevices,
  ContainerMemory,
  ContainerResources,
  DynamicResource,
} from '../../../plugins/generated/podResources/podResourcesV1.ts';
import type { PodResources as PodResourcesV1alpha1 } from '../../../plugins/generated/podResources/podResourcesV1alpha1.ts';
import type { Container, Pod } from '../../../types/k8s.ts';
import { type Inventory, inOrder } from '../../rules/inventory.ts';
import { type Assignment, nodesById } from '../../rules/state.ts';

/** What one container has of the node besides plain shares. */
export interface ContainerHoldings {
  readonly assignments: readonly Assignment[];
  readonly cpus: readonly number[];
  readonly memory: readonly MemoryHolding[];
  readonly claims: readonly DynamicResource[];
}

/** Memory of NUMA nodes, in bytes. */
export interface MemoryHolding {
  /** `memory` or `hugepages-2Mi`. */
  readonly type: string;
  readonly bytes: number | bigint;
  readonly nodes: readonly number[];
}

/** The containers that are told of, sidecars first; init containers that end hold nothing that would tell anybody anything. */
export function listedContainers(pod: Pod): readonly Container[] {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  return [...initContainers.filter((c) => c.restartPolicy === 'Always'), ...containers];
}

/** What a container holds besides devices of plug-ins. */
export function containerRest(name: string, { cpus, memory, claims }: ContainerHoldings): ContainerResources {
  return { name, cpuIds: [...cpus], memory: memory.map(memoryOf), dynamicResources: [...claims] };
}

/** The oldest form of the answer knows devices of main containers only. */
export function podResourcesV1alpha1(
  pod: Pod,
  assignments: (container: string) => readonly Assignment[],
): PodResourcesV1alpha1 {
  return {
    name: pod.metadata?.name ?? '',
    namespace: pod.metadata?.namespace ?? '',
    containers: (pod.spec?.containers ?? []).map(({ name }) => ({
      name,
      devices: assignments(name)
        .flatMap(assignedDevices)
        .map(({ resourceName, deviceIds }) => ({ resourceName: resourceName ?? '', deviceIds: deviceIds ?? [] })),
    })),
  };
}

/** Each device of its own, once for each of its NUMA nodes. */
export function assignedDevices({ resource, ids, idsByNode }: Assignment): ContainerDevices[] {
  const nodes = nodesById(idsByNode);
  return inOrder(ids).flatMap((id) => onNodes(resource, id, nodes.get(id) ?? []));
}

function onNodes(resourceName: string, id: string, nodes: readonly number[]): ContainerDevices[] {
  if (nodes.length === 0) return [{ resourceName, deviceIds: [id] }];
  return nodes.map((node) => ({ resourceName, deviceIds: [id], topology: { nodes: [{ ID: node }] } }));
}

function memoryOf({ type, bytes, nodes }: MemoryHolding): ContainerMemory {
  return { memoryType: type, size: bytes, topology: { nodes: nodes.map((ID) => ({ ID })) } };
}

/** Everything that can be given out at all, taken or not. */
export function allocatableResources(
  inventory: Inventory,
  cpus: readonly number[],
  memory: readonly MemoryHolding[],
): AllocatableResourcesResponse {
  const devices = [...inventory]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([resource, list]) =>
      inOrder(list.keys()).flatMap((id) => {
        const device = list.get(id);
        return device?.healthy ? onNodes(resource, id, device.nodes) : [];
      }),
    );
  return { devices, cpuIds: [...cpus], memory: memory.map(memoryOf) };
}
