import { readFile } from 'node:fs/promises';
import { ignoring } from '../lib/linux/linuxError.ts';
import { hasSELinux } from './csi/selinux.ts';
import type { SeLinuxHost } from './rules/seLinuxLabel.ts';

const CONFIG = '/etc/selinux/config';
const CONTEXTS = '/usr/share/containers/selinux/contexts';

/** What containers' files are labelled with on this machine; undefined where its kernel has no SELinux, or nothing says it. */
export async function seLinuxHost(everyMode: boolean): Promise<SeLinuxHost | undefined> {
  if (!(await hasSELinux())) return undefined;
  const read = (path: string) => ignoring(['ENOENT', 'EACCES'], () => readFile(path, 'utf8'));
  const [, policy = 'targeted'] = /^\s*SELINUXTYPE\s*=\s*([\w-]+)/m.exec((await read(CONFIG)) ?? '') ?? [];
  const contexts = (await read(CONTEXTS)) ?? (await read(`/etc/selinux/${policy}/contexts/lxc_contexts`)) ?? '';
  const [, fileContext] = /^\s*file\s*=\s*"?([^"\s]+)"?\s*$/m.exec(contexts) ?? [];
  return fileContext === undefined ? undefined : { fileContext, everyMode };
}
