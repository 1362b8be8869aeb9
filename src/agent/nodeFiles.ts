import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { goSystemError } from '../k8s/goText.ts';
import type { DnsInputs } from '../podworker/spec/dns.ts';

/**
 * Read for each sandbox, as kubelet does: resolv.conf changes with the node's network. It is small and local. Why it cannot be read is an
 * answer too, in kubelet's words, because only who asks for the DNS of a Pod fails by it.
 */
export function readResolvConf(path: string): DnsInputs['hostResolvConf'] {
  if (path === '') return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return { unreadable: cannotRead(path, error) };
  }
}

/** The hosts file for Pods on the node's network. Rejects in kubelet's words, which become the container's waiting message. */
export async function readHosts(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(cannotRead(path, error), { cause: error });
  }
}

function cannotRead(path: string, error: unknown): string {
  return goSystemError((error as NodeJS.ErrnoException).syscall ?? 'open', error, path);
}
