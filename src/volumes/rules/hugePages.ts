import { amountsOf } from '../../k8s/resourceAmounts.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { PodSpec } from '../../types/k8s.ts';

const MEDIUM = 'HugePages';
const MEDIUM_PREFIX = 'HugePages-';
const RESOURCE_PREFIX = 'hugepages-';

/** `HugePages` or `HugePages-<size>`. */
export function isHugePagesMedium(medium: string): boolean {
  return medium === MEDIUM || medium.startsWith(MEDIUM_PREFIX);
}

/**
 * The page size to mount, in the words of the resource that some container requests (`2Mi`): the medium's own, or of plain
 * `HugePages` the only one requested. Errors carry the Go kubelet's sentences.
 */
export function hugePageSize(medium: string, spec: PodSpec): string {
  const requested = requestedSizes(spec);
  if (medium === MEDIUM) {
    if (new Set(requested.values()).size > 1) {
      throw failure(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
    }
    const [size] = requested.keys();
    if (size !== undefined) return size;
  } else {
    const wanted = bytes(medium.slice(MEDIUM_PREFIX.length));
    for (const [size, value] of requested) if (value === wanted) return size;
  }
  throw failure(`medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`);
}

/** Size texts of all requests, with their values; `2Mi` and `2048Ki` are one size. */
function requestedSizes(spec: PodSpec): Map<string, bigint> {
  const lists = [spec, ...spec.containers, ...(spec.initContainers ?? [])].map(
    (part) => part.resources?.requests ?? {},
  );
  const sizes = new Map<string, bigint>();
  for (const name of lists.flatMap(Object.keys)) {
    if (!name.startsWith(RESOURCE_PREFIX)) continue;
    const size = name.slice(RESOURCE_PREFIX.length);
    sizes.set(size, bytes(size));
  }
  return sizes;
}

function bytes(size: string): bigint {
  const value = amountsOf({ size }).get('size');
  if (value === undefined) throw failure(`huge page size ${JSON.stringify(size)} is not a quantity`);
  return value;
}

function failure(message: string): KubeletError {
  return new KubeletError(message, { code: 'HugePages' });
}
