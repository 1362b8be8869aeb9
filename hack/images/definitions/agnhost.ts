import { appendFileSync, copyFileSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { BuildContext, ImageDefinition } from '../definition.ts';
import { fillBusybox, nmeterSource } from './busybox.ts';

async function build({ root, tools }: BuildContext): Promise<void> {
  await fillBusybox(root);
  copyFileSync(tools.bin('agnhost'), path.join(root, 'agnhost'));
  symlinkSync('agnhost', path.join(root, 'agnhost-2'));
  mkdirSync(path.join(root, 'uploads'));
  // The supplemental-groups specs expect this user in this group.
  appendFileSync(path.join(root, 'etc/passwd'), 'user-defined-in-image:x:1000:1000::/home:/bin/sh\n');
  appendFileSync(
    path.join(root, 'etc/group'),
    'user-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n',
  );
}

function definition(name: string, tag: string): ImageDefinition {
  return {
    name,
    refs: [`registry.k8s.io/e2e-test-images/agnhost:${tag}`],
    // The label keeps the digests of the two tags apart.
    config: { Entrypoint: ['/agnhost'], Cmd: ['pause'], Labels: { tag } },
    groups: ['kubernetes'],
    packages: ['busybox-static', 'gcc', 'libc6-dev'],
    inputs: [import.meta.filename, path.join(import.meta.dirname, 'busybox.ts'), nmeterSource],
    build,
  };
}

/** Kubernetes' test server; the rest of its Debian-like root file system is still missing (curl, dig, iperf …). */
export const agnhost = definition('agnhost', '2.63.0');

/** The same under the tag that update tests start from. */
export const agnhostPrevious = definition('agnhost-previous', '2.55');
