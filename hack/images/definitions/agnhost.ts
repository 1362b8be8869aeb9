import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { busyboxBuild, busyboxPackages } from '../busyboxBuild.ts';
import { link, unpackDebian } from '../debian.ts';
import type { BuildContext, ImageDefinition } from '../definition.ts';
import { kubernetesFile } from '../kubernetesModule.ts';
import { blobFile, manifestDigest, manifestType } from '../layout.ts';
import { fillBusybox } from './busybox.ts';
import { pauseSource } from './pause.ts';

const debian = [
  'bash',
  'coreutils',
  'curl',
  'netcat-openbsd',
  'iproute2',
  'bind9-dnsutils',
  'util-linux',
  'iperf',
  'procps',
  'libc-bin', // getent
] as const;

interface Manifest {
  config: { digest: string };
  layers: { digest: string }[];
}

function store(directory: string, digest: string, content: Buffer): void {
  const [algorithm = '', hash = ''] = digest.split(':');
  const file = path.join(directory, algorithm, hash.slice(0, 2), hash, 'data');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** The image `pause:testing` as agnhost's own fake registry reads it: an index of one manifest, and its blobs. */
function addFakeRegistry(root: string, pauseImage: string): void {
  const directory = path.join(root, 'var/registry/pause');
  const digest = manifestDigest(pauseImage);
  const manifest = readFileSync(blobFile(pauseImage, digest));
  const platform = { architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', os: 'linux' };
  const manifests = [{ mediaType: manifestType, digest, size: manifest.length, platform }];
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  const bytes = Buffer.from(JSON.stringify(index));
  const indexDigest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  store(path.join(directory, 'manifests'), digest, manifest);
  store(path.join(directory, 'manifests'), indexDigest, bytes);
  writeFileSync(path.join(directory, 'manifests/testing'), `${indexDigest}\n`);
  const { config, layers } = JSON.parse(manifest.toString()) as Manifest;
  for (const blob of [config, ...layers]) {
    store(path.join(directory, 'blobs'), blob.digest, readFileSync(blobFile(pauseImage, blob.digest)));
  }
}

async function build({ root, tools, image }: BuildContext): Promise<void> {
  await unpackDebian(root, debian);
  link(root, 'nc.openbsd', 'bin/nc'); // Debian's alternatives are made by scripts, which did not run
  await fillBusybox(root);
  mkdirSync(path.join(root, 'usr/local/bin'), { recursive: true });
  link(root, '/usr/bin/iperf', 'usr/local/bin/iperf');
  copyFileSync(tools.bin('agnhost'), path.join(root, 'agnhost'));
  copyFileSync(tools.bin('coredns'), path.join(root, 'coredns'));
  link(root, 'agnhost', 'agnhost-2');
  mkdirSync(path.join(root, 'uploads'));
  for (const file of ['localhost.crt', 'localhost.key']) {
    copyFileSync(await kubernetesFile(`test/images/agnhost/porter/${file}`), path.join(root, file));
  }
  // The supplemental-groups specs expect this user in this group.
  appendFileSync(path.join(root, 'etc/passwd'), 'user-defined-in-image:x:1000:1000::/home:/bin/sh\n');
  appendFileSync(
    path.join(root, 'etc/group'),
    'user-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n',
  );
  addFakeRegistry(root, await image('pause'));
}

const ports = [80, 8080, 8081, 9376, 5000];

/** Kubernetes' test server, in a root file system with the tools that its tests call. */
export const agnhost: ImageDefinition = {
  name: 'agnhost',
  refs: ['registry.k8s.io/e2e-test-images/agnhost:2.63.0'],
  config: {
    Entrypoint: ['/agnhost'],
    Cmd: ['pause'],
    ExposedPorts: Object.fromEntries(ports.map((port) => [`${port}/tcp`, {}])),
  },
  groups: ['kubernetes', 'coredns'],
  packages: busyboxPackages,
  inputs: [
    import.meta.filename,
    path.join(import.meta.dirname, '../debian.ts'),
    path.join(import.meta.dirname, 'busybox.ts'),
    busyboxBuild,
    pauseSource,
  ],
  build,
};

/** The same under the tag that update tests start from; the label makes its digest another one. */
export const agnhostPrevious: ImageDefinition = {
  ...agnhost,
  name: 'agnhost-previous',
  refs: ['registry.k8s.io/e2e-test-images/agnhost:2.55'],
  base: agnhost,
  config: { ...agnhost.config, Labels: { tag: '2.55' } },
  build: async () => {},
};
