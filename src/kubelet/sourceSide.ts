import { isMirrorPod } from '../api/manifests/mirror.ts';
import type { MergedPodSource } from '../api/mergedPodSource.ts';
import type { PodSourceName } from '../api/podSource.types.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { StoredPod } from '../types/k8s.ts';
import type { ApiSide } from './apiSide.ts';
import type { Mirrors } from './mirrors.ts';
import type { PodSide } from './podSide.ts';
import type { StatusSide } from './statusSide.ts';

export interface SourceSideOptions {
  readonly sources: MergedPodSource;
  readonly api: ApiSide | null;
  readonly mirrors: Mirrors;
  readonly side: PodSide;
  readonly status: StatusSide | null;
  readonly ledger: Ledger;
  readonly log: Logger;
  /** Every source has reported: what nobody knows may be cleaned up from now on. */
  readonly onSynced: () => void;
}

/** Hands what the sources say to the workers. Mirror Pods have no worker: they are a fact of their static Pod's. */
export function followSources(options: SourceSideOptions): void {
  const { sources, side } = options;
  for (const [uid, pod] of sources.pods()) arrived(options, pod, sources.sourceOf(uid));
  sources.subscribe((change, source) => {
    if (change.type === 'set') arrived(options, change.pod, source);
    else if (change.type === 'remove') left(options, change.pod);
    else synced(options);
  });
  if (sources.synced()) synced(options);
  void side;
}

function synced(options: SourceSideOptions): void {
  options.ledger.open();
  options.side.workers.sourcesSynced();
  removeOrphanMirrors(options);
  options.onSynced();
}

function arrived(options: SourceSideOptions, pod: StoredPod, source: PodSourceName | undefined): void {
  const { side, status, mirrors } = options;
  if (isMirrorPod(pod)) {
    mirrors.set(pod);
    mirrorChanged(options, pod);
    return;
  }
  const uid = pod.metadata.uid;
  if (source === 'api') status?.publisher.observeApi(uid, pod);
  side.workers.set(pod, source ?? 'api');
  const worker = side.workers.get(uid);
  if (!worker) return;
  if (source === 'api') worker.facts.accepted = pod.status;
  else if (options.api) worker.facts.mirror = mirrors.state(pod);
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
  const { side, mirrors, status } = options;
  const { name, namespace } = mirror.metadata;
  let owned = false;
  for (const worker of side.workers.all()) {
    if (
      worker.facts.name !== name ||
      worker.facts.namespace !== namespace ||
      !worker.facts.pod ||
      worker.facts.origin === 'api'
    )
      continue;
    owned = true;
    worker.facts.mirror = mirrors.state(worker.facts.pod);
    const current = mirrors.of(worker.facts.pod);
    if (current) status?.publisher.observeApi(worker.uid, current);
    if (current) worker.facts.accepted = current.status;
    worker.republish();
  }
  if (!owned && options.sources.synced()) removeOrphanMirrors(options);
}

/** A mirror whose static Pod does not exist (any more) is deleted. */
function removeOrphanMirrors({ mirrors, side, api, log }: SourceSideOptions): void {
  if (!api) return;
  for (const mirror of mirrors.all()) {
    const { name, namespace, uid } = mirror.metadata;
    const owner = side.workers
      .all()
      .some((w) => w.facts.origin !== 'api' && w.facts.name === name && w.facts.namespace === namespace && w.facts.pod);
    if (owner) continue;
    api.heartbeat
      .delete('Pod', { namespace: namespace ?? '', name: name ?? '' }, { gracePeriodSeconds: 0, uid })
      .catch((error) =>
        log.warn('an orphaned mirror Pod could not be deleted', {
          pod: `${namespace}/${name}`,
          error: errorMessage(error),
        }),
      );
  }
}
