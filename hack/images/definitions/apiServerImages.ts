import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { ImageDefinition } from '../definition.ts';

/** An API server of one's own, for the spec about aggregation: the module's, under the tag that the spec asks for. */
export const sampleApiserver: ImageDefinition = {
  name: 'sample-apiserver',
  refs: ['registry.k8s.io/e2e-test-images/sample-apiserver:1.29.2'],
  config: { Entrypoint: ['/sample-apiserver'] },
  groups: ['sample-apiserver'],
  packages: [],
  inputs: [import.meta.filename],
  async build({ root, tools }) {
    copyFileSync(tools.bin('sample-apiserver'), path.join(root, 'sample-apiserver'));
    mkdirSync(path.join(root, 'tmp'), { mode: 0o1777 });
  },
};

/** Its store, the etcd that clusters here have. */
export const etcd: ImageDefinition = {
  name: 'etcd',
  refs: ['registry.k8s.io/etcd:3.6.8-0'],
  config: { Entrypoint: ['/usr/local/bin/etcd'] },
  groups: ['etcd'],
  packages: [],
  inputs: [import.meta.filename],
  async build({ root, tools }) {
    mkdirSync(path.join(root, 'usr/local/bin'), { recursive: true });
    copyFileSync(tools.bin('etcd'), path.join(root, 'usr/local/bin/etcd'));
  },
};
