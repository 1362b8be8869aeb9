import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runningService, startRuntime } from '../../hack/cluster/control.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { say } from '../../hack/lib/log.ts';

/** The file that says which process the runtime is. */
export function runtimePidFile(cluster: Cluster): string {
  return path.join(cluster.layout.run, 'containerd.pid');
}

/** Starts the runtime again when a spec has killed it, as systemd would, until `signal` aborts. */
export async function keepRuntime(cluster: Cluster, signal: AbortSignal): Promise<void> {
  let known = 0;
  while (!signal.aborted) {
    if (!runningService(cluster, 'containerd')) {
      say('the runtime has ended: starting it again');
      await startRuntime(cluster);
    }
    const pid = runningService(cluster, 'containerd')?.pid ?? 0;
    if (pid !== known) writeFileSync(runtimePidFile(cluster), String(pid)); // a number and nothing else: upstream reads it so
    known = pid;
    await sleep(1000, undefined, { signal }).catch(() => {}); // aborted: nothing more to look at
  }
}
