import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Group } from '../../tools/components.ts';
import { busyboxBuild, busyboxPackages } from '../busyboxBuild.ts';
import type { BuildContext, ImageConfig, ImageDefinition } from '../definition.ts';
import { fillBusybox } from './busybox.ts';

interface BusyboxImage {
  name: string;
  tag: string;
  config: ImageConfig;
  groups?: readonly Group[];
  finish?(context: BuildContext): void;
}

function definition({ name, tag, config, groups = [], finish }: BusyboxImage): ImageDefinition {
  return {
    name,
    refs: [`registry.k8s.io/e2e-test-images/${name}:${tag}`],
    config,
    groups,
    packages: busyboxPackages,
    inputs: [import.meta.filename, path.join(import.meta.dirname, 'busybox.ts'), busyboxBuild],
    async build(context) {
      await fillBusybox(context.root);
      finish?.(context);
    },
  };
}

/** An image whose user is not root. */
export const nonroot = definition({ name: 'nonroot', tag: '1.5', config: { Cmd: ['sh'], User: '1234' } });

/** A program that is setuid root and prints its effective user. */
export const nonewprivs = definition({
  name: 'nonewprivs',
  tag: '1.4',
  config: { Cmd: ['nnp'] },
  groups: ['test-images'],
  finish({ root, tools }) {
    mkdirSync(path.join(root, 'usr/local/bin'), { recursive: true });
    const target = path.join(root, 'usr/local/bin/nnp');
    copyFileSync(tools.bin('nnp'), target);
    chmodSync(target, 0o6755);
  },
});

/** A device plugin of two made-up devices. */
export const sampleDevicePlugin = definition({
  name: 'sample-device-plugin',
  tag: '1.7',
  config: { Entrypoint: ['/sampledeviceplugin', '-alsologtostderr'] },
  groups: ['test-images'],
  finish: ({ root, tools }) => copyFileSync(tools.bin('sampledeviceplugin'), path.join(root, 'sampledeviceplugin')),
});

/** Sends packets that conntrack takes for invalid. */
export const regressionIssue74839 = definition({
  name: 'regression-issue-74839',
  tag: '1.4',
  config: { Entrypoint: ['/regression-issue-74839'] },
  groups: ['test-images'],
  finish: ({ root, tools }) =>
    copyFileSync(tools.bin('regression-issue-74839'), path.join(root, 'regression-issue-74839')),
});
