import { podResourcesProtocol } from '../../plugins/protocols/podResources.ts';
import { embedded } from '../../rpc/encoded.ts';
import type { Pod } from '../../types/k8s.ts';
import type { Assignment } from '../rules/state.ts';
import { assignedDevices, type ContainerHoldings, containerRest, listedContainers } from './rules/answers.ts';

const PODS_CONTAINERS = 3;
const LISTS_PODS = 1;

/** The devices of an assignment as part of their container's message. They never change, and may be hundreds. */
const devices = new WeakMap<Assignment, Uint8Array>();

function encodedDevices(assignment: Assignment): Uint8Array {
  const known = devices.get(assignment);
  if (known) return known;
  const bytes = podResourcesProtocol.message('v1.ContainerResources').encode({ devices: assignedDevices(assignment) });
  devices.set(assignment, bytes);
  return bytes;
}

/** Field pod_resources of the answers of List and Get, in pieces. */
export function encodedPod(pod: Pod, holdings: ReadonlyMap<string, ContainerHoldings>): Uint8Array[] {
  const container = podResourcesProtocol.message('v1.ContainerResources');
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const containers = listedContainers(pod).flatMap(({ name: of }) => {
    const has = holdings.get(of);
    if (!has) return [];
    return embedded(PODS_CONTAINERS, [
      container.encode(containerRest(of, has)),
      ...has.assignments.map(encodedDevices),
    ]);
  });
  return embedded(LISTS_PODS, [
    podResourcesProtocol.message('v1.PodResources').encode({ name, namespace }),
    ...containers,
  ]);
}
