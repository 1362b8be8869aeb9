import { isNotFound } from '../api/apiError.ts';
import type { ApiClient } from '../api/client.ts';
import { isMirrorPod } from '../api/manifests/mirror.ts';
import type { MergedPodSource } from '../api/mergedPodSource.ts';
import type { PodSourceName } from '../api/podSource.types.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Mirrors } from '../pods/mirrors.ts';
import type { StatusPublisher } from '../status/publisher.ts';
import type { Pod, StoredPod } from '../types/k8s.ts';
import type { PodWorker } from './worker.ts';
import type { PodWorkers } from './workers.ts';

/**
 * How long Pods without running containers wait for all sources. A quick API server gives the Node's labels and its Pods in that time;
 * one that drops packets must not keep a static Pod waiting, for that Pod may be what makes it answer.
 */
const openWithinMs = 1000;

/** The mirror Pods of the node's static Pods, and who may delete them. */
export interface MirrorKeeping {
  readonly mirrors: Mirrors;
  readonly workers: PodWorkers;
  /** null in standalone mode. */
  readonly client: ApiClient | null;
}

/** Whose Pods the workers get, and who else hears of them. */
export interface SourcesOptions extends MirrorKeeping {
  readonly sources: MergedPodSource;
  /** Hears what the API server has of each Pod; null in standalone mode. */
  readonly publisher: Pick<StatusPublisher, 'observeApi'> | null;
  readonly ledger: Pick<Ledger, 'open'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Every source has reported: what nobody knows may be cleaned up from now on. */
  readonly onSynced: () => void;
}

/**
 * Hands what the sources say to the workers. Mirror Pods have no worker: they are a fact of their static Pod's. Call it when the
 * runtime was listed, just before the sources start: the ledger opens a second later, API server or not. Dispose to take that back.
 */
export function followSources(options: SourcesOptions): Disposable {
  const { sources, clock, ledger } = options;
  for (const [uid, pod] of sources.pods()) arrived(options, pod, sources.sourceOf(uid));
  sources.subscribe((change, source) => {
    if (change.type === 'set') arrived(options, change.pod, source);
    else if (change.type === 'remove') left(options, change.pod);
    else synced(options);
  });
  if (sources.synced()) synced(options);
  return clock.setTimer(openWithinMs, () => ledger.open());
}

/** At once; Housekeeping asks again for what could not be deleted. */
function cleanMirrors(options: SourcesOptions): void {
  removeOrphanMirrors(options).catch((error) =>
    options.log.warn('Failed to delete an orphaned mirror Pod; the next round tries again', {
      error: errorMessage(error),
    }),
  );
}

function synced(options: SourcesOptions): void {
  options.ledger.open();
  options.workers.sourcesSynced();
  cleanMirrors(options);
  options.onSynced();
}

function arrived(options: SourcesOptions, pod: StoredPod, source: PodSourceName | undefined): void {
  const { workers, publisher } = options;
  if (isMirrorPod(pod)) {
    options.mirrors.set(pod);
    mirrorChanged(options, pod);
    return;
  }
  const uid = pod.metadata.uid;
  if (source === 'api') publisher?.observeApi(uid, pod);
  workers.set(pod, source ?? 'api');
}

function left(options: SourcesOptions, pod: StoredPod): void {
  if (!isMirrorPod(pod)) {
    options.workers.remove(pod);
    return;
  }
  options.mirrors.remove(pod);
  mirrorChanged(options, pod);
}

/** A mirror came, changed or went: its static Pod's worker looks at it. */
function mirrorChanged(options: SourcesOptions, mirror: StoredPod): void {
  const owners = ownersOf(options.workers, mirror);
  for (const worker of owners) {
    if (worker.pod) showMirror(options, worker, worker.pod);
    worker.republish();
  }
  if (owners.length === 0 && options.sources.synced()) cleanMirrors(options);
}

/** The workers of the static Pods that the mirror stands for: one, or those that queue for its name. */
function ownersOf(workers: PodWorkers, { metadata: { name, namespace } }: StoredPod): PodWorker[] {
  return workers.all().filter((w) => w.origin !== 'api' && w.pod && w.name === name && w.namespace === namespace);
}

/** Tells a static Pod's worker how its mirror stands; called for each version of the Pod that the worker takes up. */
export function showMirror(
  { mirrors, publisher }: Pick<SourcesOptions, 'mirrors' | 'publisher'>,
  worker: Pick<PodWorker, 'uid' | 'learn'>,
  pod: Pod,
): void {
  worker.learn({ kind: 'mirror', mirror: mirrors.state(pod) });
  const mirror = mirrors.of(pod);
  if (!mirror) return;
  publisher?.observeApi(worker.uid, mirror);
  worker.learn({ kind: 'accepted', status: mirror.status, written: false });
}

/** Mirrors whose static Pod does not exist (any more) are deleted. Rejects when some could not be: the next call tries them again. */
export async function removeOrphanMirrors({ mirrors, workers, client }: MirrorKeeping): Promise<void> {
  if (!client) return;
  const results = await Promise.allSettled(
    mirrors
      .all()
      .filter((mirror) => ownersOf(workers, mirror).length === 0)
      .map((mirror) => deleteMirror(client, mirror)),
  );
  const failed = results.find((r) => r.status === 'rejected');
  if (failed) throw failed.reason;
}

async function deleteMirror(client: ApiClient, { metadata }: StoredPod): Promise<void> {
  const { name = '', namespace = '', uid } = metadata;
  try {
    await client.delete('Pod', { namespace, name }, { gracePeriodSeconds: 0, uid });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
