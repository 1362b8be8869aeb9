import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { goSystemError } from '../../k8s/goText.ts';
import { errorMessage, isAbort, KubeletError } from '../../lib/errors.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { isUnfinished, unrecorded } from '../rules/resizeWork.ts';
import { podLogDirectory } from '../spec/logPaths.ts';
import { keepActuated } from './resizePod.ts';
import type { Services } from './services.ts';

/** Modes as the Go kubelet makes them (setupDataDirs, makePodDataDirs). */
const podDirMode = 0o750;
const logDirMode = 0o755;

/** Makes the Pod's cgroup, directories and log directory, and reads the restart numbers that the latter still shows. */
export async function preparePod(services: Services, context: ActionContext): Promise<Outcome> {
  const { pod, facts } = context;
  const podDir = join(services.podsDir, facts.uid);
  const logDir = podLogDirectory(services.spec.podLogsRoot, pod);
  // In the middle of a resize the limits are a matter of its steps.
  const keep = isUnfinished(facts, pod);
  const [cgroup, , logRestarts] = await Promise.all([
    told('FailedCreatePodContainer', 'unable to ensure pod container exists', services.cgroups.ensure(pod, keep)),
    told('Failed', 'error making pod data directories', makePodDirs(podDir)),
    // Beside the rest here; in the Go kubelet it is the first step of making the sandbox, and fails as such.
    told('FailedCreatePodSandBox', 'Failed to create pod sandbox', makeLogDir(logDir)),
  ]);
  const whole = cgroup.kept ? undefined : pod.spec?.resources;
  const containers = unrecorded(facts, pod);
  const { limits, kept } = cgroup;
  const podCgroup = { limits, ...(kept ? {} : { resources: resourcesOf(pod) }) };
  if (!whole && Object.keys(containers).length === 0) return { logRestarts, podCgroup };
  const actuated = keepActuated(services, context, { containers, ...(whole && { pod: whole }) });
  return { logRestarts, podCgroup, actuated };
}

/** Reason and words of the Event that a failure becomes, as kubelet's. */
async function told<T>(reason: string, words: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new KubeletError(`${words}: ${errorMessage(error)}`, { code: reason, cause: error });
  }
}

async function makeLogDir(logDir: string): Promise<Record<string, number>> {
  try {
    const made = await mkdir(logDir, { recursive: true, mode: logDirMode });
    return made === undefined ? await restartsIn(logDir) : {};
  } catch (error) {
    throw new Error(goSystemError((error as NodeJS.ErrnoException).syscall ?? 'mkdir', error, logDir), {
      cause: error,
    });
  }
}

async function makePodDirs(podDir: string): Promise<void> {
  await mkdir(join(podDir, 'volumes'), { recursive: true, mode: podDirMode });
  await mkdir(join(podDir, 'plugins'), { recursive: true, mode: podDirMode });
}

/** Highest N of N.log per container: the number of its last attempt, also when the runtime has forgotten it. */
async function restartsIn(logDir: string): Promise<Record<string, number>> {
  const restarts: Record<string, number> = {};
  for (const entry of await readdir(logDir, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    for (const file of await readdir(join(logDir, entry.name))) {
      const number = /^(\d+)\.log/.exec(file)?.[1];
      if (number !== undefined) restarts[entry.name] = Math.max(ownEntry(restarts, entry.name) ?? 0, Number(number));
    }
  }
  return restarts;
}
