// Calls of iscsiadm(8).
import { isProgramMissing } from '../../lib/linux/runProgram.ts';
import type { KindHost } from '../persistent/contract.ts';
import type { IscsiDisk } from './rules/iscsiDisk.ts';

/** Longer than it tries to log in by itself. */
const CALL_MS = 150_000;
/** Exit codes: a session or record is there already; there is none. */
const EXISTS = 15;
const GONE = new Set([2, 21]);

/** How a call ended. */
export interface Answer {
  readonly code: number | null;
  readonly output: string;
}

/** A call; what it says is never logged, as its arguments may hold passwords. Rejects when the program is missing. */
export async function iscsiadm(host: KindHost, ...args: string[]): Promise<Answer> {
  try {
    return await host.run({ program: 'iscsiadm', args, deadlineMs: CALL_MS });
  } catch (error) {
    if (isProgramMissing(error))
      throw new Error(
        `iSCSI volumes need iscsiadm on the node, which is missing (package open-iscsi): ${error.message}`,
        { cause: error },
      );
    throw error;
  }
}

/** What it said and how it ended, for an error. */
export const failed = ({ output, code }: Answer): string => `${output.trim()} (exit status ${code})`;

/** The transport of an interface, as `tcp`; '' when iscsiadm does not say. */
export function transportIn(output: string): string {
  const [, transport = ''] = /iface\.transport_name = (.*)/.exec(output) ?? [];
  return transport.trim() === '<empty>' ? 'tcp' : transport.trim();
}

/** A copy of the configured interface for a volume that has an initiator name of its own. `shown`: what the configured one is. */
export async function cloneInterface(host: KindHost, disk: IscsiDisk, shown: string): Promise<void> {
  if (disk.initIface === disk.iface) throw new Error(`iscsi: cannot clone iface with same name: ${disk.initIface}`);
  const settings = new Map([['iface.initiatorname', disk.initiatorName]]);
  for (const line of shown.split('\n')) {
    const [, name = '', value = ''] = /^(iface\.\S+) = (\S+)$/.exec(line.trim()) ?? [];
    const isOwn = name === 'iface.iscsi_ifacename' || name === 'iface.initiatorname';
    if (name !== '' && value !== '<empty>' && !isOwn) settings.set(name, value);
  }
  const made = await iscsiadm(host, '-m', 'iface', '-I', disk.iface, '-o', 'new');
  if (made.code !== 0 && made.code !== EXISTS) throw new Error(`iscsi: failed to create new iface: ${failed(made)}`);
  for (const [name, value] of [...settings].sort()) {
    const set = await iscsiadm(host, '-m', 'iface', '-I', disk.iface, '-o', 'update', '-n', name, '-v', value);
    if (set.code === 0) continue;
    await iscsiadm(host, '-m', 'iface', '-I', disk.iface, '-o', 'delete');
    throw new Error(`iscsi: failed to update iface records: ${failed(set)}. iface(${disk.initIface}) will be used`);
  }
}

/** Ends the sessions with all portals, and forgets them. What is gone already is no error. */
export async function logOut(host: KindHost, disk: IscsiDisk): Promise<void> {
  const { portals, iqn, iface, initiatorName, volume } = disk;
  const must = async (what: string, ...args: string[]) => {
    const answer = await iscsiadm(host, ...args);
    if (answer.code !== 0 && !GONE.has(answer.code ?? -1))
      throw new Error(`iscsi: failed to ${what}: ${failed(answer)}`);
  };
  for (const portal of portals) {
    await must('log out', '-m', 'node', '-p', portal, '-T', iqn, '--logout', '-I', iface);
    await must('delete node record', '-m', 'node', '-p', portal, '-T', iqn, '-o', 'delete', '-I', iface);
  }
  if (initiatorName !== '' && iface === `${portals[0]}:${volume}`)
    await must('delete iface', '-m', 'iface', '-I', iface, '-o', 'delete');
}
