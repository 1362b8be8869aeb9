// What containers get of prepared claims.
import type { ClaimDevice } from '../../types/grant.ts';

/** What drivers gave for one claim, driver by driver. */
export type Prepared = ReadonlyMap<string, readonly ClaimDevice[]>;

/** The devices of a claim that answer one of these requests; an empty request stands for all, and so does a device without any. */
export function devicesFor(prepared: Prepared, requests: readonly string[]): readonly ClaimDevice[] {
  return [...prepared.values()]
    .flat()
    .filter(
      ({ requestNames }) =>
        requests.includes('') || requestNames.length === 0 || requests.some((one) => requestNames.includes(one)),
    );
}

/** Each once, in the order of their claims. */
export function cdiIds(devices: readonly ClaimDevice[]): readonly string[] {
  return [...new Set(devices.flatMap(({ cdiDeviceIds }) => cdiDeviceIds))];
}
