// One round of calls to drivers, and what may be wrong with their answers. The sentences are kubelet's.
import { bounded } from '../lib/bounded.ts';
import type { ClaimDevice } from '../types/grant.ts';
import type { ClaimInfo } from './book.ts';
import type { DraPlugin } from './plugin.ts';

/** Longest text of a driver that is passed on, in bytes: it becomes an Event. */
const MAX_TEXT_BYTES = 4096;
/** Bytes of what a driver tells of one claim's devices: it is kept while a Pod has the claim, and written down. */
const MAX_DEVICES_BYTES = 64 * 1024;

/** How drivers are reached. */
export interface AskedDrivers {
  /** Throws with a sentence when there is none. */
  require(driver: string): DraPlugin;
  /** The call failed, and nobody answers for the driver at present. */
  lost(driver: string): void;
  /** Whom the call under way waits for. */
  wait(message: string): void;
}

/** Has every driver prepare its part of the claims, one driver after the other, all of its claims at once. Ends at the first failure. */
export async function askToPrepare(
  { require, wait, lost }: AskedDrivers,
  claims: readonly ClaimInfo[],
  signal: AbortSignal,
): Promise<void> {
  for (const [driver, mine] of byDriver(claims, ({ drivers }) => drivers.keys())) {
    const plugin = require(driver);
    wait(waitingFor('NodePrepareResources', driver, mine));
    for (const info of mine) info.asked.add(driver);
    const answers = await called('NodePrepareResources', plugin, lost, plugin.prepare(mine.map(named), signal));
    checkAnswers('NodePrepareResources', mine, answers);
    for (const info of mine) {
      const devices = answers[info.uid]?.devices ?? [];
      if (Buffer.byteLength(JSON.stringify(devices)) > MAX_DEVICES_BYTES)
        throw new Error(`NodePrepareResources told more than 64 KiB of devices for ResourceClaim ${info.name}`);
      info.drivers.set(
        driver,
        devices.map(
          ({ poolName, deviceName, requestNames, cdiDeviceIds, shareId }): ClaimDevice => ({
            ...{ driver, pool: poolName, device: deviceName, requestNames, cdiDeviceIds },
            ...(shareId && { shareId }),
          }),
        ),
      );
    }
  }
}

/** Has every driver that may have prepared something take it back. One that did it is not asked again when another one failed. */
export async function askToUnprepare(
  { require, wait, lost }: AskedDrivers,
  claims: readonly ClaimInfo[],
  signal: AbortSignal,
): Promise<void> {
  for (const [driver, mine] of byDriver(claims, ({ asked }) => asked)) {
    const plugin = require(driver);
    wait(waitingFor('NodeUnprepareResources', driver, mine));
    // From here on nobody else may take it for prepared.
    for (const info of mine) info.prepared = false;
    const answers = await called('NodeUnprepareResources', plugin, lost, plugin.unprepare(mine.map(named), signal));
    checkAnswers('NodeUnprepareResources', mine, answers);
    for (const info of mine) info.asked.delete(driver);
  }
}

function byDriver(
  claims: readonly ClaimInfo[],
  driversOf: (info: ClaimInfo) => Iterable<string>,
): readonly (readonly [string, readonly ClaimInfo[]])[] {
  const found = new Map<string, ClaimInfo[]>();
  for (const info of claims)
    for (const driver of driversOf(info)) found.set(driver, [...(found.get(driver) ?? []), info]);
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

const named = ({ namespace, uid, name }: ClaimInfo) => ({ namespace, uid, name });

function waitingFor(method: string, driver: string, claims: readonly ClaimInfo[]): string {
  return `${method} of DRA driver ${driver} for ${claims.map(({ name }) => name).join(', ')}`;
}

async function called<T>(
  method: string,
  plugin: DraPlugin,
  lost: (driver: string) => void,
  call: Promise<T>,
): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!plugin.connected) lost(plugin.driver);
    throw new Error(`${method}: ${(error as Error).message}`, { cause: error });
  }
}

function checkAnswers(
  method: string,
  claims: readonly ClaimInfo[],
  answers: Readonly<Record<string, { readonly error: string }>>,
): void {
  const uids = Object.keys(answers);
  for (const uid of uids) {
    const claim = claims.find((one) => one.uid === uid);
    if (!claim) throw new Error(bounded(`${method} returned result for unknown claim UID ${uid}`, MAX_TEXT_BYTES));
    const { error = '' } = answers[uid] ?? {};
    if (error !== '')
      throw new Error(bounded(`${method} failed for ResourceClaim ${claim.name}: ${error}`, MAX_TEXT_BYTES));
  }
  const skipped = claims.length - uids.length;
  if (skipped !== 0) throw new Error(`${method} skipped ${skipped} ResourceClaims`);
}
