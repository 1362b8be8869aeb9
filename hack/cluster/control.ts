// What tests use to hurt a cluster: each of its processes can be stopped, killed, frozen and started again.
import { ensureTools } from '../tools/ensure.ts';
import { startContainerd } from './containerd.ts';
import { startApiServer } from './controlPlane.ts';
import { signalService, stopService } from './service.ts';
import type { Cluster } from './state.ts';

export { startKubelet, stopKubelet, waitForNodeReady } from './kubelet.ts';
export { ownBootId, powerOff } from './powerOff.ts';
export { runningService } from './service.ts';
export { openCluster } from './state.ts';

/** Starts the container runtime again, with more in its environment where wanted; containers have gone on meanwhile. */
export async function startRuntime(cluster: Cluster, env: Record<string, string> = {}): Promise<void> {
  if (!cluster.state.runtime) throw new Error(`${cluster.layout.name} never had a runtime`);
  await startContainerd(cluster, cluster.state.runtime, env);
}

/** Ends the container runtime with a signal; its containers go on. */
export async function stopRuntime(cluster: Cluster, sent: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  await stopService(cluster, 'containerd', sent);
}

/** Starts the API server again, perhaps with other flags; returns when it is ready. */
export async function startApi(cluster: Cluster, extra: Record<string, string> = {}): Promise<void> {
  await startApiServer(cluster, await ensureTools(['etcd', 'kubernetes']), extra);
}

/** Ends the API server with a signal. Asked politely, it may take a minute while watches are open. */
export async function stopApi(cluster: Cluster, sent: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  await stopService(cluster, 'kube-apiserver', sent, 90_000);
}

/** Freezes a service (kubelet, containerd, kube-apiserver, etcd …): it keeps its connections and answers nothing. */
export function freeze(cluster: Cluster, service: string): void {
  if (!signalService(cluster, service, 'SIGSTOP')) throw new Error(`${service} does not run`);
}

/** Lets a frozen service go on. */
export function unfreeze(cluster: Cluster, service: string): void {
  if (!signalService(cluster, service, 'SIGCONT')) throw new Error(`${service} does not run`);
}
