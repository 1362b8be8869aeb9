/** How far a pull has come, as far as the runtime tells. */
export interface ToldProgress {
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  readonly bytesPerSecond?: number;
  /** For how long no byte has come, in ms. */
  readonly idleMs?: number;
  /** Layers that are there, of how many. */
  readonly layers?: readonly [present: number, of: number];
  /** The runtime does not tell. */
  readonly untold?: true;
}

/** A time as sentences have it: `9.5 s`, `12 s`. */
export const seconds = (ms: number): string =>
  ms < 0 ? '0 s' : ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MiB`;

/** A registry is called silent when it has sent nothing for so long. */
const SILENT_MS = 5000;
/** So much containerd gathers before it counts: of a slow registry nothing seems to come meanwhile. */
const STEP_BYTES = 1_048_576;

/** What follows on `pulling for 12 s`: ` (25 %, …)`; empty while nothing is known. */
export function pullProgressText(told: ToldProgress): string {
  if (told.untold) return '; the runtime does not tell how far it is';
  const { doneBytes, totalBytes, bytesPerSecond, idleMs = 0, layers } = told;
  if (doneBytes === undefined || !totalBytes) return '';
  if (layers && layers[0] === layers[1]) return ` (all ${mib(totalBytes)} are there and are being unpacked)`;
  const parts = [`${Math.floor((100 * doneBytes) / totalBytes)} %`, `${mib(doneBytes)} of ${mib(totalBytes)}`];
  if (layers) parts.push(`${layers[0]} of ${layers[1]} layers`);
  const stepMs = bytesPerSecond ? (1000 * STEP_BYTES) / bytesPerSecond : 0;
  if (idleMs >= Math.max(SILENT_MS, 2 * stepMs)) parts.push(`nothing has come for ${seconds(idleMs)}`);
  else if (bytesPerSecond) {
    const left = (1000 * Math.max(0, totalBytes - doneBytes)) / bytesPerSecond;
    parts.push(`${mib(bytesPerSecond)}/s`, `about ${seconds(left)} left`);
  }
  return ` (${parts.join(', ')})`;
}
