import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { cgroupDirectories } from '../../hack/cluster/cgroups.ts';
import { runningService } from '../../hack/cluster/service.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import type { Lab } from './lab.ts';

const uidLabel = 'io.kubernetes.pod.uid';

/** The UID under which a Pod's things are on the node: of a mirror Pod that of its static Pod. */
export function nodeUid(pod: Pod): string {
  return pod.metadata?.annotations?.['kubernetes.io/config.hash'] ?? pod.metadata?.uid ?? '';
}

function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** The mounts of the node's namespace, as the runtime sees them. */
export function nodeMounts(lab: Lab): string[] {
  const pid = runningService(lab.cluster, 'containerd')?.pid;
  return pid === undefined ? [] : readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').filter(Boolean);
}

/** The cgroup directories of Pods, in every hierarchy. */
export function podCgroups(lab: Lab): string[] {
  return cgroupDirectories(`${lab.cluster.layout.cgroup}/kubepods`).filter((d) => /\/pod[0-9a-f-]{32,36}$/.test(d));
}

/** Everything on the node that belongs to Pods, as lines that each contain the Pod's UID. */
export async function podThings(lab: Lab): Promise<string[]> {
  const { layout } = lab.cluster;
  const [sandboxes, containers] = await Promise.all([lab.cri.listPodSandbox(), lab.cri.listContainers()]);
  const links = names(path.join(layout.logs, 'containers')).map(
    (name) => `link ${name} to ${readlinkSync(path.join(layout.logs, 'containers', name))}`,
  );
  return [
    ...sandboxes.map((s) => `sandbox ${s.id.slice(0, 13)} ${s.state} of ${s.labels[uidLabel]}`),
    ...containers.map((c) => `container ${c.id.slice(0, 13)} ${c.state} of ${c.labels[uidLabel]}`),
    ...podCgroups(lab).map((d) => `cgroup ${d}`),
    ...nodeMounts(lab)
      .filter((m) => m.includes('/pods/'))
      .map((m) => `mount ${m.split(' ')[4]}`),
    ...names(path.join(layout.kubeletRoot, 'pods')).map((uid) => `directory pods/${uid}`),
    ...names(path.join(layout.logs, 'pods')).map((name) => `log directory ${name}`),
    ...links,
  ];
}

/** What is left on the node of the Pod with this UID. */
export async function leftovers(lab: Lab, uid: string): Promise<string[]> {
  return (await podThings(lab)).filter((line) => line.includes(uid));
}

/** Waits until nothing is left of a Pod. */
export async function untilNothingLeft(lab: Lab, uid: string, limit = patience): Promise<void> {
  let left: string[] = [];
  try {
    await waitFor('', { timeout: limit, interval: 200 }, async () => {
      left = await leftovers(lab, uid);
      return left.length === 0;
    });
  } catch {
    throw new Error(`left of Pod ${uid} after ${limit / 1000} s:\n  ${left.join('\n  ')}`);
  }
}
