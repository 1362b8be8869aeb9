import { readFile } from 'node:fs/promises';
import { KubeletError } from '../../lib/errors.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';

/**
 * Rejects with one sentence when swap is on and the configuration does not allow it (failSwapOn). A kernel without swap has no
 * /proc/swaps.
 */
export async function refuseSwap(failSwapOn: boolean, file = '/proc/swaps'): Promise<void> {
  if (!failSwapOn) return;
  const devices = swapsIn(await readSwaps(file));
  if (devices.length === 0) return;
  throw new KubeletError(
    `swap is on (${devices.join(', ')}): turn it off with swapoff -a and in /etc/fstab, or set failSwapOn to false`,
    { code: 'SwapOn' },
  );
}

/** Swap devices in the text of /proc/swaps. Swap on zram or tmpfs counts too; a header alone means none. */
export function swapsIn(text: string): string[] {
  const [, ...lines] = text.trimEnd().split('\n');
  return lines.map((line) => line.split(/\s+/)[0] ?? '').filter((name) => name !== '');
}

async function readSwaps(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return '';
    throw error;
  }
}
