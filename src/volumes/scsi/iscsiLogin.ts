// Finding and logging in at an iSCSI target, with CHAP where the volume asks for it.
import type { KindHost } from '../persistent/contract.ts';
import { failed, iscsiadm } from './iscsiadm.ts';
import type { IscsiDisk } from './rules/iscsiDisk.ts';

/** Passwords by their names in iscsiadm's database. */
export interface Chap {
  readonly discovery: boolean;
  readonly session: boolean;
  readonly secret: Readonly<Record<string, string>>;
}

const AUTH = ['username', 'password', 'username_in', 'password_in'];

/** A session with one portal of the target. Rejects in kubelet's words; the target's records are taken back then. */
export async function logIn(host: KindHost, disk: IscsiDisk, portal: string, chap: Chap): Promise<void> {
  const { iqn, iface } = disk;
  const database = ['-m', 'discoverydb', '-t', 'sendtargets', '-p', portal, '-I', iface];
  const node = ['-m', 'node', '-p', portal, '-T', iqn, '-I', iface];
  await iscsiadm(host, ...database, '-o', 'new');
  if (chap.discovery)
    await authenticate(host, database, 'discovery.sendtargets.auth', chap.secret).catch((error: Error) => {
      throw new Error(`iscsi: failed to update discoverydb to portal ${portal} error: ${error.message}`);
    });
  const discovered = await iscsiadm(host, ...database, '--discover');
  if (discovered.code !== 0) {
    await iscsiadm(host, ...database, '-o', 'delete');
    throw new Error(`iscsi: failed to sendtargets to portal ${portal} output: ${failed(discovered)}`);
  }
  // Other LUNs of the target are nobody's here. An old iscsiadm does not know the setting.
  await iscsiadm(host, ...node, '-o', 'update', '-n', 'node.session.scan', '-v', 'manual');
  if (chap.session)
    await authenticate(host, node, 'node.session.auth', chap.secret).catch((error: Error) => {
      throw new Error(`iscsi: failed to update iscsi node to portal ${portal} error: ${error.message}`);
    });
  const login = await iscsiadm(host, ...node, '--login');
  if (login.code !== 0) {
    await iscsiadm(host, ...node, '-o', 'delete');
    throw new Error(`iscsi: failed to attach disk: Error: ${failed(login)}`);
  }
  // So that a boot of the node does not wait for it.
  await iscsiadm(host, '-m', 'node', '-p', portal, '-T', iqn, '-o', 'update', '-n', 'node.startup', '-v', 'manual');
}

/** The error names the setting, never its value. */
async function authenticate(
  host: KindHost,
  record: readonly string[],
  prefix: string,
  secret: Chap['secret'],
): Promise<void> {
  const set = (name: string, value: string) => iscsiadm(host, ...record, '-o', 'update', '-n', name, '-v', value);
  const method = await set(`${prefix}.authmethod`, 'CHAP');
  if (method.code !== 0) throw new Error(`CHAP cannot be set: ${failed(method)}`);
  for (const name of AUTH.map((one) => `${prefix}.${one}`)) {
    const value = secret[name] ?? '';
    if (value === '') continue;
    const { code } = await set(name, value);
    if (code !== 0) throw new Error(`"${name}" cannot be set (exit status ${code})`);
  }
}
