import { copyFileSync } from 'node:fs';
import path from 'node:path';
import type { Group } from '../../tools/components.ts';
import { busyboxBuild, busyboxPackages } from '../busyboxBuild.ts';
import { unpackDebian } from '../debian.ts';
import type { BuildContext, ImageConfig, ImageDefinition } from '../definition.ts';
import { fillBusybox } from './busybox.ts';

interface DebianImage {
  name: string;
  tag: string;
  config: ImageConfig;
  debian: readonly string[];
  keep?: RegExp;
  groups?: readonly Group[];
  finish?(context: BuildContext): void;
}

function definition({ name, tag, config, debian, keep, groups = [], finish }: DebianImage): ImageDefinition {
  return {
    name,
    refs: [`registry.k8s.io/e2e-test-images/${name}:${tag}`],
    config,
    groups,
    packages: busyboxPackages,
    inputs: [
      import.meta.filename,
      path.join(import.meta.dirname, '../debian.ts'),
      path.join(import.meta.dirname, 'busybox.ts'),
      busyboxBuild,
    ],
    async build(context) {
      await unpackDebian(context.root, debian, keep ? { keep } : {});
      await fillBusybox(context.root);
      finish?.(context);
    },
  };
}

/** For DNS specs: a resolver of glibc, dig, and a DNS server. */
export const glibcDnsTesting = definition({
  name: 'glibc-dns-testing',
  tag: '2.0.0',
  config: { Cmd: ['bash'] },
  debian: ['bash', 'coreutils', 'bind9-dnsutils', 'hostname', 'libc-bin'],
  groups: ['coredns'],
  finish: ({ root, tools }) => copyFileSync(tools.bin('coredns'), path.join(root, 'coredns')),
});

/** For hostIPC specs: ipcs, ipcmk, ipcrm. */
export const ipcUtils = definition({
  name: 'ipc-utils',
  tag: '1.4',
  config: { Cmd: ['sh'] },
  debian: ['util-linux'],
});

/** For Job specs, which compute pi. */
export const perl = definition({
  name: 'perl',
  tag: '5.26',
  config: { Cmd: ['perl', '-de0'] },
  debian: ['perl', 'coreutils'],
  keep: /perl|libdb5.3|libgdbm/,
});

/** For autoscaling specs: burns CPU and memory on request. */
export const resourceConsumer = definition({
  name: 'resource-consumer',
  tag: '1.14',
  config: { Entrypoint: ['/consumer'], ExposedPorts: { '8080/tcp': {} } },
  debian: ['stress', 'coreutils'],
  groups: ['test-images'],
  finish({ root, tools }) {
    for (const program of ['consumer', 'consume-cpu']) copyFileSync(tools.bin(program), path.join(root, program));
  },
});
