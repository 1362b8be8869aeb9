import { type Affinity, byAffinity } from './affinity.ts';
import { type DeviceList, healthyIds, inOrder } from './inventory.ts';

/** What is asked for, and what there is. */
export interface Choice {
  readonly resource: string;
  readonly required: number;
  /** undefined: no plug-in registered the resource. */
  readonly devices: DeviceList | undefined;
  /** Held by somebody, for whoever may not reuse it. */
  readonly taken: ReadonlySet<string>;
  /** Held by containers of the same Pod that are over by the time this one runs. */
  readonly reusable: ReadonlySet<string>;
  readonly affinity: Affinity;
  /** What the plug-in answered to `question`. */
  readonly preferred?: readonly string[] | undefined;
}

/** What the plug-in is asked, if it wishes to be: GetPreferredAllocation. */
export interface PreferenceQuestion {
  readonly available: readonly string[];
  readonly mustInclude: readonly string[];
  readonly size: number;
}

/** The ids, with the question that may change them; or Go's sentence. */
export type Chosen =
  | { readonly ids: readonly string[]; readonly question?: PreferenceQuestion }
  | { readonly error: string };

const NONE: ReadonlySet<string> = new Set();

/** Why nothing can be given of the resource; undefined: something can. `held`: what the container has of it already. */
export function unusable(
  resource: string,
  devices: DeviceList | undefined,
  held: Iterable<string> = [],
): string | undefined {
  if (!devices) return `cannot allocate unregistered device ${resource}`;
  const healthy = healthyIds(devices);
  if (healthy.size === 0) return `no healthy devices present; cannot allocate unhealthy devices ${resource}`;
  for (const id of held)
    if (!healthy.has(id))
      return `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resource}`;
  return undefined;
}

/**
 * Chooses devices for one container and resource, in kubelet's order: what its Pod's init containers leave, then what lies on the wanted
 * nodes, then what the plug-in prefers, then the rest. Where Go takes any of several, the first by name is taken.
 */
export function chooseDevices(choice: Choice): Chosen {
  const { resource, required, devices, taken, reusable } = choice;
  const problem = unusable(resource, devices);
  if (problem !== undefined || !devices) return { error: problem ?? '' };
  const chosen = new Set<string>();
  const takeFrom = (ids: Iterable<string>): boolean => {
    for (const id of ids) {
      if (chosen.size === required) return true;
      chosen.add(id);
    }
    return chosen.size === required;
  };
  if (required === 0 || takeFrom(inOrder(reusable))) return { ids: [...chosen] };

  const available = new Set([...healthyIds(devices)].filter((id) => !taken.has(id) && !chosen.has(id)));
  const missing = required - chosen.size;
  if (available.size < missing)
    return {
      error: `requested number of devices unavailable for ${resource}. Requested: ${missing}, Available: ${available.size}`,
    };
  const { aligned, unaligned, anywhere } = byAffinity(available, devices, choice.affinity);
  const isEnough = missing < aligned.size;
  // The alignment that was promised comes before the plug-in's wishes.
  if (!isEnough && takeFrom(inOrder(aligned))) return { ids: [...chosen] };

  const among = isEnough ? aligned : available;
  const question: PreferenceQuestion = {
    available: inOrder(new Set([...among, ...chosen])),
    mustInclude: inOrder(chosen),
    size: required,
  };
  takeFrom((choice.preferred ?? []).filter((id) => among.has(id)));
  for (const rest of isEnough ? [aligned] : [unaligned, anywhere ?? NONE]) takeFrom(inOrder(rest));
  return { ids: [...chosen], question };
}
