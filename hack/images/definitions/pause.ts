import { chmodSync } from 'node:fs';
import path from 'node:path';
import { run } from '../../lib/run.ts';
import type { ImageDefinition } from '../definition.ts';

export const pauseSource = path.join(import.meta.dirname, '../rootfs/pause.c');

/** The sandbox container: reaps zombies, waits for SIGTERM or SIGINT. */
export const pause: ImageDefinition = {
  name: 'pause',
  refs: ['registry.k8s.io/pause:3.10.2', 'registry.k8s.io/pause:3.8', 'registry.k8s.io/pause:3.6'],
  config: { Entrypoint: ['/pause'], User: '65535:65535' },
  groups: [],
  packages: ['gcc', 'libc6-dev'],
  inputs: [import.meta.filename, pauseSource],
  async build({ root }) {
    await run('gcc', ['-Os', '-static', '-s', '-Wall', '-o', path.join(root, 'pause'), pauseSource]);
    chmodSync(path.join(root, 'pause'), 0o755);
  },
};
