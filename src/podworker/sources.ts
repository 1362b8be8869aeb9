import type { ApiSide } from '../agent/stages/api.ts';
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
import type { StatusSide } from '../status/writer.ts';
import type { Pod, StoredPod } from '../types/k8s.ts';
import type { PodSide } from './podRuntime.ts';
import type { PodWorker } from './worker.ts';

/**
 * How long Pods without running containers wait for all sources. A quick API server gives the Node's labels and its Pods in that time;
 * one that drops packets must not keep a static Pod waiting, for that Pod may be what makes it answer.
 */
const openWithinMs = 1000;

export interface SourceSideOptions {
  readonly sources: MergedPodSource;
  readonly api: ApiSide | null;
  readonly mirrors: Mirrors;
  readonly side: PodSide;
  readonly status: StatusSide | null;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Logger;
  /** Every source has reported: what nobody knows may be cleaned up from now on. */
  readonly onSynced: () => void;
}

/**
 * Hands what the sources say to the workers. Mirror Pods have no worker: they are a fact of their static Pod's. Call it when the
 * runtime was listed, just before the sources start: the ledger opens a second later, API server or not. Dispose to take that back.
 */
export function followSources(options: SourceSideOptions): Disposable {
  const { sources, side, clock, ledger } = options;
  side.taken = (worker, pod) => {
    if (worker.facts.origin !== 'api' && options.api) showMirror(options, worker, pod);
  };
  for (const [uid, pod] of sources.pods()) arrived(options, pod, sources.sourceOf(uid));
  sources.subscribe((change, source) => {
    if (change.type === 'set') arrived(options, change.pod, source);
    else if (change.type === 'remove') left(options, change.pod);
    else synced(options);
  });
  if (sources.synced()) synced(options);
  return clock.setTimer(openWithinMs, () => ledger.open());
}

export type OrphanMirrorOptions = Pick<SourceSideOptions, 'mirrors' | 'side' | 'api'>;

/** At once; Housekeeping asks again for what could not be deleted. */
function cleanMirrors(options: SourceSideOptions): void {
  removeOrphanMirrors(options).catch((error) =>
    options.log.warn('an orphaned mirror Pod could not be deleted; the next round tries again', {
      error: errorMessage(error),
    }),
  );
}

function synced(options: SourceSideOptions): void {
  options.ledger.open();
  options.side.workers.sourcesSynced();
  cleanMirrors(options);
  options.onSynced();
}

function arrived(options: SourceSideOptions, pod: StoredPod, source: PodSourceName | undefined): void {
  const { side, status } = options;
  if (isMirrorPod(pod)) {
    options.mirrors.set(pod);
    mirrorChanged(options, pod);
    return;
  }
  const uid = pod.metadata.uid;
  if (source === 'api') status?.publisher.observeApi(uid, pod);
  side.workers.set(pod, source ?? 'api');
  const worker = side.workers.get(uid);
  if (worker && source === 'api') worker.facts.accepted = pod.status;
}

function left(options: SourceSideOptions, pod: StoredPod): void {
  if (!isMirrorPod(pod)) {
    options.side.workers.remove(pod);
    return;
  }
  options.mirrors.remove(pod);
  mirrorChanged(options, pod);
}

/** A mirror came, changed or went: its static Pod's worker looks at it. */
function mirrorChanged(options: SourceSideOptions, mirror: StoredPod): void {
  const owners = ownersOf(options.side, mirror);
  for (const worker of owners) {
    if (worker.facts.pod) showMirror(options, worker, worker.facts.pod);
    worker.republish();
  }
  if (owners.length === 0 && options.sources.synced()) cleanMirrors(options);
}

/** The workers of the static Pods that the mirror stands for: one, or those that queue for its name. */
function ownersOf(side: PodSide, { metadata: { name, namespace } }: StoredPod): PodWorker[] {
  return side.workers
    .all()
    .filter(({ facts }) => facts.origin !== 'api' && facts.name === name && facts.namespace === namespace && facts.pod);
}

function showMirror({ mirrors, status }: SourceSideOptions, worker: PodWorker, pod: Pod): void {
  worker.facts.mirror = mirrors.state(pod);
  const mirror = mirrors.of(pod);
  if (!mirror) return;
  status?.publisher.observeApi(worker.uid, mirror);
  worker.facts.accepted = mirror.status;
}

/** Mirrors whose static Pod does not exist (any more) are deleted. Rejects when some could not be: the next call tries them again. */
export async function removeOrphanMirrors({ mirrors, side, api }: OrphanMirrorOptions): Promise<void> {
  if (!api) return;
  const results = await Promise.allSettled(
    mirrors
      .all()
      .filter((mirror) => ownersOf(side, mirror).length === 0)
      .map((mirror) => deleteMirror(api.heartbeat, mirror)),
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
