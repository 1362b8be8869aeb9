import { readFile } from 'node:fs/promises';

/**
 * How many processes (threads, as the kernel counts) the machine can have; undefined where it does not tell. Ids and threads are limited each
 * for itself, and the lower limit counts.
 */
export async function pidLimit(): Promise<number | undefined> {
  const texts = await Promise.all(
    ['pid_max', 'threads-max'].map((name) => readFile(`/proc/sys/kernel/${name}`, 'utf8').catch(() => '')),
  );
  const limits = texts.map((text) => Number(text.trim())).filter((limit) => limit > 0);
  return limits.length === 0 ? undefined : Math.min(...limits);
}
