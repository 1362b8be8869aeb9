import type { ImageDefinition } from '../definition.ts';
import { agnhost, agnhostPrevious } from './agnhost.ts';
import { etcd, sampleApiserver } from './apiServerImages.ts';
import { busybox } from './busybox.ts';
import { nonewprivs, nonroot, regressionIssue74839, sampleDevicePlugin } from './busyboxImages.ts';
import {
  csiAttacher,
  csiNodeDriverRegistrar,
  csiProvisioner,
  csiResizer,
  csiSnapshotter,
  hostpathPlugin,
  livenessprobe,
} from './csiImages.ts';
import { glibcDnsTesting, ipcUtils, perl, resourceConsumer } from './debianImages.ts';
import { busyboxHub } from './dockerHub.ts';
import { kitten, nautilus } from './kitten.ts';
import { nginx, nginxNew } from './nginx.ts';
import { pause } from './pause.ts';

/** All images that can be built. */
export const definitions = {
  pause,
  busybox,
  'busybox-hub': busyboxHub,
  agnhost,
  'agnhost-previous': agnhostPrevious,
  nginx,
  'nginx-new': nginxNew,
  kitten,
  'glibc-dns-testing': glibcDnsTesting,
  nonroot,
  nonewprivs,
  'ipc-utils': ipcUtils,
  nautilus,
  perl,
  'sample-device-plugin': sampleDevicePlugin,
  'resource-consumer': resourceConsumer,
  'regression-issue-74839': regressionIssue74839,
  'sample-apiserver': sampleApiserver,
  etcd,
  'csi-provisioner': csiProvisioner,
  'csi-attacher': csiAttacher,
  'csi-resizer': csiResizer,
  'csi-snapshotter': csiSnapshotter,
  'csi-node-driver-registrar': csiNodeDriverRegistrar,
  hostpathplugin: hostpathPlugin,
  livenessprobe,
} satisfies Record<string, ImageDefinition>;

export type ImageName = keyof typeof definitions;

/** Images that every cluster's registry serves. */
export const defaultImages: readonly ImageName[] = ['pause', 'busybox', 'agnhost', 'agnhost-previous'];

/** Images that the lists e2e, e2e_node and ci ask for, so that a cold CI builds no more than it needs (the others': e2e/conformance/images.ts). */
export const conformanceImages: readonly ImageName[] = [
  ...defaultImages,
  'nginx',
  'nginx-new',
  'kitten',
  'glibc-dns-testing',
  'nonroot',
  'nonewprivs',
  'ipc-utils',
  'sample-device-plugin',
];

/** What the specs of the storage suites ask for. */
export const storageImages: readonly ImageName[] = [
  ...defaultImages,
  'nginx',
  'csi-provisioner',
  'csi-attacher',
  'csi-resizer',
  'csi-snapshotter',
  'csi-node-driver-registrar',
  'hostpathplugin',
  'livenessprobe',
];

/** What a node asks for on which the node suite starts the kubelet itself. */
export const nodeSuiteImages: readonly ImageName[] = [...conformanceImages, 'busybox-hub'];

/** Images that a node without a control plane gets: they need no Kubernetes build. */
export const standaloneImages: readonly ImageName[] = ['pause', 'busybox'];
