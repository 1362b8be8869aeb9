// Reads from the runtime what it holds for one Pod, or for all.
import type { Cri } from './client.ts';
import {
  detailed,
  detailedSandbox,
  listedContainer,
  listedSandbox,
  newestFirst,
  POD_NAME_LABEL,
  POD_NAMESPACE_LABEL,
  POD_UID_LABEL,
  unstarted,
} from './convert.ts';
import { isNotFound } from './error.ts';
import type { ContainerOut, PodSandboxOut } from './generated/runtime.ts';
import type {
  ListedContainer,
  ListedPod,
  ListedSandbox,
  ObservedContainer,
  ObservedPod,
  ObservedSandbox,
} from './observed.ts';
import { terminationMessage } from './terminationMessage.ts';

export interface ReadOptions {
  signal?: AbortSignal;
}

/** Reads of the runtime. Every read has a number, taken when it is sent; a higher one began later. */
export interface Observer {
  /** The number of the read sent last. What settles now is visible to reads with a higher number. */
  lastSeq(): number;
  /** Everything the runtime holds for one Pod; no sandboxes and no containers if it knows nothing. Rejects with CriError. */
  observePod(uid: string, options?: ReadOptions): Promise<ObservedPod>;
  /** All Pods, as far as two list calls tell. Rejects with CriError. */
  observeAll(options?: ReadOptions): Promise<ListedPod[]>;
  /** Reads this container's details again next time; needed after its resources were changed. */
  invalidate(containerId: string): void;
  /** Drops what is remembered of a Pod that is finished. */
  forget(uid: string): void;
}

type Runtime = Pick<Cri, 'listPodSandbox' | 'listContainers' | 'podSandboxStatus' | 'containerStatus'>;
interface Details {
  pods: Map<string, { sandboxes: Map<string, ObservedSandbox>; containers: Map<string, ObservedContainer> }>;
  /** Counts what made remembered details void: a read that began before must not put old ones back. */
  epoch: number;
}

const MAX_READS = 4; // of one Pod, while things vanish between list and status

/** An observer of one runtime. It remembers, per Pod, details that cannot change any more until the state does. */
export function createObserver(runtime: Runtime): Observer {
  const details: Details = { pods: new Map(), epoch: 0 };
  let seq = 0;
  return {
    lastSeq: () => seq,
    async observePod(uid, options = {}) {
      for (let read = 1; ; read += 1) {
        seq += 1;
        try {
          return await readPod(runtime, details, uid, seq, options);
        } catch (error) {
          if (!isNotFound(error) || read === MAX_READS) throw error;
        }
      }
    },
    async observeAll(options = {}) {
      seq += 1;
      const own = seq;
      const [sandboxes, containers] = await Promise.all([
        runtime.listPodSandbox(undefined, options),
        runtime.listContainers(undefined, options),
      ]);
      return groupByPod(own, sandboxes, containers);
    },
    invalidate(containerId) {
      details.epoch += 1;
      for (const pod of details.pods.values()) pod.containers.delete(containerId);
    },
    forget(uid) {
      details.epoch += 1;
      details.pods.delete(uid);
    },
  };
}

async function readPod(
  runtime: Runtime,
  details: Details,
  uid: string,
  seq: number,
  options: ReadOptions,
): Promise<ObservedPod> {
  const { epoch } = details;
  const filter = { labelSelector: { [POD_UID_LABEL]: uid } };
  const [sandboxes, containers] = await Promise.all([
    runtime.listPodSandbox(filter, options),
    runtime.listContainers(filter, options),
  ]);
  const known = details.pods.get(uid);
  const pod: ObservedPod = {
    uid,
    ...nameOf(sandboxes, containers),
    seq,
    sandboxes: await Promise.all(
      sandboxes.map((s) => sandboxDetails(runtime, listedSandbox(s), known?.sandboxes.get(s.id), options)),
    ),
    containers: await Promise.all(
      containers.map((c) => containerDetails(runtime, listedContainer(c), known?.containers.get(c.id), options)),
    ),
  };
  pod.sandboxes.sort(newestFirst);
  pod.containers.sort(newestFirst);
  if (details.epoch === epoch) remember(details, pod);
  return pod;
}

async function sandboxDetails(
  runtime: Runtime,
  listed: ListedSandbox,
  known: ObservedSandbox | undefined,
  options: ReadOptions,
): Promise<ObservedSandbox> {
  if (known) {
    if (known.ready === listed.ready) return known;
    // A sandbox never becomes ready again, and one that is not has no addresses to report.
    if (!listed.ready) return { ...known, ready: false, ips: [] };
  }
  const { status } = await runtime.podSandboxStatus(listed.id, false, options);
  return status ? detailedSandbox(listed, status) : { ...listed, ips: [], hostNetwork: false };
}

async function containerDetails(
  runtime: Runtime,
  listed: ListedContainer,
  known: ObservedContainer | undefined,
  options: ReadOptions,
): Promise<ObservedContainer> {
  // The list may be older than details that an earlier read fetched; an exit is final.
  if (known && (known.state === listed.state || known.state === 'exited')) return known;
  if (listed.state === 'created') return unstarted(listed);
  const { status } = await runtime.containerStatus(listed.id, false, options);
  if (!status) return unstarted(listed);
  const message = status.state === 'CONTAINER_EXITED' ? await terminationMessage(status) : '';
  return detailed(listed, status, message);
}

// Kept: running and exited containers, sandboxes that have what a later read would bring. Gone ids go with each read.
function remember(details: Details, pod: ObservedPod): void {
  if (pod.sandboxes.length + pod.containers.length === 0) {
    details.pods.delete(pod.uid);
    return;
  }
  const sandboxes = pod.sandboxes.filter((s) => !s.ready || s.hostNetwork || s.ips.length > 0);
  const containers = pod.containers.filter((c) => c.state === 'running' || c.state === 'exited');
  details.pods.set(pod.uid, {
    sandboxes: new Map(sandboxes.map((s) => [s.id, s])),
    containers: new Map(containers.map((c) => [c.id, c])),
  });
}

function nameOf(sandboxes: PodSandboxOut[], containers: ContainerOut[]): { name: string; namespace: string } {
  const labels = sandboxes[0]?.labels ?? containers[0]?.labels ?? {};
  return { name: labels[POD_NAME_LABEL] ?? '', namespace: labels[POD_NAMESPACE_LABEL] ?? '' };
}

function groupByPod(seq: number, sandboxes: PodSandboxOut[], containers: ContainerOut[]): ListedPod[] {
  const pods = new Map<string, ListedPod>();
  const podOf = (labels: Record<string, string>): ListedPod | undefined => {
    const uid = labels[POD_UID_LABEL];
    if (!uid) return undefined; // not made by a kubelet
    let pod = pods.get(uid);
    if (!pod) {
      const name = labels[POD_NAME_LABEL] ?? '';
      pod = { uid, name, namespace: labels[POD_NAMESPACE_LABEL] ?? '', seq, sandboxes: [], containers: [] };
      pods.set(uid, pod);
    }
    return pod;
  };
  for (const s of sandboxes) podOf(s.labels)?.sandboxes.push(listedSandbox(s));
  for (const c of containers) podOf(c.labels)?.containers.push(listedContainer(c));
  for (const pod of pods.values()) {
    pod.sandboxes.sort(newestFirst);
    pod.containers.sort(newestFirst);
  }
  return [...pods.values()];
}
