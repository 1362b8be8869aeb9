import { totalOf } from '../../../k8s/containerTotals.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  maxQuantity,
  type ParsedQuantity,
  quantityOf,
} from '../../../k8s/quantity.ts';
import type { PodStats } from '../../../stats/shapes.ts';
import type { Container, Pod } from '../../../types/k8s.ts';
import { quantityOrNone } from './quantities.ts';

/** A Pod that has outgrown a limit of its own. `signal` is the label of kubelet_evictions. */
export interface LimitExceeded {
  readonly signal: 'emptydirfs.limit' | 'ephemeralpodfs.limit' | 'ephemeralcontainerfs.limit';
  readonly message: string;
}

const STORAGE = 'ephemeral-storage';

/** What has to be measured of a Pod for its own limits. */
export interface LimitNeeds {
  /** A volume has a size limit. */
  readonly volumes: boolean;
  /** A container has a limit: layers, logs and, for the sum of the Pod, everything local. */
  readonly containers: boolean;
}

/** Which limits a Pod has; it need not be measured without any. */
export function limitNeeds(pod: Pod): LimitNeeds {
  return {
    volumes: (pod.spec?.volumes ?? []).some(({ emptyDir }) => isPositive(quantityOrNone(emptyDir?.sizeLimit))),
    containers: podLimit(pod) !== undefined,
  };
}

/**
 * The first limit that a Pod exceeds: the size of an emptyDir, the sum of all it stores on the node, then what one container does.
 * `imageFs`: writable layers are on a disk of their own and not counted for a container. What is not known exceeds nothing.
 */
export function exceededLimit(pod: Pod, stats: PodStats, imageFs: boolean): LimitExceeded | undefined {
  return emptyDirLimit(pod, stats) ?? wholeLimit(pod, stats) ?? containerLimit(pod, stats, imageFs);
}

function emptyDirLimit(pod: Pod, stats: PodStats): LimitExceeded | undefined {
  const used = new Map((stats.volume ?? []).map(({ name, usedBytes }) => [name, usedBytes]));
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const size = quantityOrNone(emptyDir?.sizeLimit);
    if (!isPositive(size) || !isMore(used.get(name), size)) continue;
    return {
      signal: 'emptydirfs.limit',
      message: `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit "${formatQuantity(size)}". `,
    };
  }
  return undefined;
}

function wholeLimit(pod: Pod, stats: PodStats): LimitExceeded | undefined {
  const limit = podLimit(pod);
  if (!limit || !isMore(stats[STORAGE]?.usedBytes, limit)) return undefined;
  return {
    signal: 'ephemeralpodfs.limit',
    message: `Pod ephemeral local storage usage exceeds the total limit of containers ${formatQuantity(limit)}. `,
  };
}

function containerLimit(pod: Pod, stats: PodStats, imageFs: boolean): LimitExceeded | undefined {
  for (const { name, logs, rootfs } of stats.containers) {
    const limit = quantityOrNone(pod.spec?.containers?.find((c) => c.name === name)?.resources?.limits?.[STORAGE]);
    const used = (logs?.usedBytes ?? 0) + (imageFs ? 0 : (rootfs?.usedBytes ?? 0));
    if (!isPositive(limit) || !isMore(used, limit)) continue;
    return {
      signal: 'ephemeralcontainerfs.limit',
      message: `Container ${name} exceeded its local ephemeral storage limit "${formatQuantity(limit)}". `,
    };
  }
  return undefined;
}

/** The Pod's limit of local storage, written as its containers write theirs; undefined when none of them has one. */
function podLimit(pod: Pod): ParsedQuantity | undefined {
  const limits = ({ resources }: Container) => {
    const limit = quantityOrNone(resources?.limits?.[STORAGE]);
    return new Map<string, ParsedQuantity>(limit === undefined ? [] : [[STORAGE, limit]]);
  };
  const total = totalOf<ParsedQuantity>(pod.spec ?? {}, limits, { plus: addQuantities, larger: maxQuantity }).get(
    STORAGE,
  );
  const overhead = quantityOrNone(pod.spec?.overhead?.[STORAGE]);
  return total && overhead !== undefined && total.nano !== 0n ? addQuantities(total, overhead) : total;
}

function isMore(used: number | undefined, limit: ParsedQuantity): boolean {
  return used !== undefined && compareQuantities(quantityOf(used), limit) > 0;
}

function isPositive(quantity: ParsedQuantity | undefined): quantity is ParsedQuantity {
  return quantity !== undefined && quantity.nano > 0n;
}
