import { readFile } from 'node:fs/promises';
import type { NodeEvent } from '../events/event.ts';
import { goSystemError } from '../k8s/goText.ts';
import { resolvConfLimitExceeded } from '../podworker/spec/resolvConfLimits.ts';
import { swapsIn } from './preflight/swap.ts';

/** What is looked at; the paths are the machine's own. */
export interface StartInputs {
  readonly kernelVersion: string;
  readonly resolvConf: string;
  readonly clusterDomain: string;
  readonly swaps?: string;
}

/** The first kernel that can keep a tmpfs out of swap. */
const NOSWAP = { major: 6, minor: 4 };

/** Events about the Node that kubelet sends once at each start: what its Pods will not get, or not as safely as it seems. */
export async function startWarnings(inputs: StartInputs): Promise<readonly NodeEvent[]> {
  const { resolvConf, clusterDomain, kernelVersion, swaps = '/proc/swaps' } = inputs;
  const events: NodeEvent[] = [];
  const swap = swapsIn(await readFile(swaps, 'utf8').catch(() => ''));
  if (swap.length > 0 && !hasNoswap(kernelVersion))
    events.push({
      type: 'Warning',
      reason: 'PossibleMemoryBackedVolumesOnDisk',
      message:
        'The tmpfs noswap option is not supported. Memory-backed volumes (e.g. secrets, emptyDirs, etc.) ' +
        'might be swapped to disk and should no longer be considered secure.',
    });
  const limits = resolvConf === '' ? null : await limitsOf(resolvConf, clusterDomain);
  if (limits !== null) events.push({ type: 'Warning', reason: 'CheckLimitsForResolvConf', message: limits });
  return events;
}

async function limitsOf(path: string, clusterDomain: string): Promise<string | null> {
  try {
    return resolvConfLimitExceeded(path, await readFile(path, 'utf8'), clusterDomain);
  } catch (error) {
    return goSystemError('open', error);
  }
}

function hasNoswap(kernelVersion: string): boolean {
  const [major = 0, minor = 0] = kernelVersion.split('.').map((part) => Number.parseInt(part, 10));
  return major > NOSWAP.major || (major === NOSWAP.major && minor >= NOSWAP.minor);
}
