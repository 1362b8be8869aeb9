import { bounded } from '../lib/bounded.ts';
import { printableLine } from '../lib/printable.ts';
import type { ClaimInfo } from './book.ts';

/** Which ResourceClaims are prepared on this node and who has them, for `kubelet-ts why node`, as JSON and as text. */
export interface ClaimMap {
  readonly claims: readonly {
    /** namespace/name */
    readonly claim: string;
    /** False: some driver has not prepared it in this life of the program. */
    readonly prepared: boolean;
    readonly devices: readonly { readonly driver: string; readonly pool: string; readonly device: string }[];
    /** Drivers with a part in it that gave nothing (yet). */
    readonly without: readonly string[];
    readonly pods: readonly string[];
  }[];
}

/** `nameOf`: a Pod as people call it; it may be gone. */
export function claimMap(claims: readonly ClaimInfo[], nameOf: (uid: string) => string): ClaimMap {
  const views = claims.map(({ namespace, name, prepared, drivers, pods }) => ({
    ...{ claim: `${namespace}/${name}`, prepared },
    devices: [...drivers.values()].flatMap((list) =>
      list.map(({ driver, pool, device }) => ({ driver, pool, device })),
    ),
    without: [...drivers].filter(([, list]) => list.length === 0).map(([driver]) => driver),
    pods: [...pods].map(nameOf).sort(),
  }));
  return { claims: views.sort((a, b) => (a.claim < b.claim ? -1 : 1)) };
}

const LINE_BYTES = 1024;

/** The map as lines of text; empty without claims. */
export function claimMapText({ claims }: ClaimMap): string {
  const lines = claims.map(({ claim, prepared, devices, without, pods }) => {
    const has = devices.map(({ driver, pool, device }) => `${device} of pool ${pool} of driver ${driver}`);
    const none = without.map((driver) => `nothing of driver ${driver}`);
    const state = prepared ? '' : '; its drivers have not prepared it since the kubelet started';
    return `Claim ${claim}, Pods ${pods.join(', ')}: ${[...has, ...none].join(', ')}${state}`;
  });
  // Drivers choose names: none steers a terminal.
  return lines.map((line) => `${printableLine(bounded(line, LINE_BYTES))}\n`).join('');
}
