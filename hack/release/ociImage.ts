import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { PROGRAM_VERSION } from '../../src/config/version.ts';
import { link, unpackDebian } from '../images/debian.ts';
import type { ImageConfig } from '../images/definition.ts';
import { manifestDigest, manifestType, writeImage } from '../images/layout.ts';
import { run } from '../lib/run.ts';
import { HOME } from './payload.ts';

/** Where Talos and the like start the kubelet of an image. */
export const ENTRYPOINT = '/usr/local/bin/kubelet';

/** What a kubelet runs: to make, check and grow file systems, to mount NFS, to reach iSCSI targets; ids for user namespaces. */
const PACKAGES = [
  ...['bash', 'coreutils', 'libc-bin', 'mount', 'util-linux', 'kmod', 'procps', 'iproute2'],
  ...['e2fsprogs', 'xfsprogs', 'nfs-common', 'open-iscsi', 'uidmap', 'iptables'],
];

const CONFIG: ImageConfig = {
  Entrypoint: [ENTRYPOINT],
  Labels: {
    'org.opencontainers.image.title': 'kubelet-ts',
    'org.opencontainers.image.version': PROGRAM_VERSION,
    'org.opencontainers.image.licenses': 'Apache-2.0',
  },
};

/**
 * Writes an image with the program and what it runs as an archive in the OCI layout into `out`; `work` is an empty directory. Where a machine's
 * kubelet is a container (`machine.kubelet.image` of Talos), it takes that one's place. Returns the archive's path.
 */
export async function makeOciImage(dist: string, work: string, out: string, epoch: number): Promise<string> {
  const root = path.join(work, 'root');
  const image = path.join(work, 'image');
  for (const directory of [path.join(root, HOME), path.join(root, 'usr/local/bin'), path.join(root, 'tmp'), image])
    mkdirSync(directory, { recursive: true });
  await unpackDebian(root, PACKAGES);
  link(root, 'bash', 'usr/bin/sh');
  for (const file of readdirSync(dist).filter((each) => each === 'kubelet-ts' || /\.so\b/.test(each)))
    copyFileSync(path.join(dist, file), path.join(root, HOME, file));
  link(root, path.relative(path.dirname(ENTRYPOINT), path.join(HOME, 'kubelet-ts')), ENTRYPOINT);
  link(root, 'kubelet', path.join(path.dirname(ENTRYPOINT), 'kubelet-ts'));
  await writeImage(image, root, CONFIG);
  const archive = path.join(out, `kubelet-ts-${PROGRAM_VERSION}-linux-amd64.oci.tar`);
  const same = ['--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner', '--mode=go-w'];
  await run('tar', [...same, '-cf', archive, '-C', asLayout(image), '.']);
  return archive;
}

/** Makes the directory of a built image one in the OCI layout, as `ctr images import`, crane and skopeo read it. */
function asLayout(image: string): string {
  const digest = manifestDigest(image);
  const blobs = path.join(image, 'blobs');
  mkdirSync(path.join(blobs, 'sha256'));
  for (const file of readdirSync(blobs).filter((each) => each.startsWith('sha256-')))
    renameSync(path.join(blobs, file), path.join(blobs, 'sha256', file.slice('sha256-'.length)));
  const { size } = statSync(path.join(blobs, digest.replace(':', '/')));
  const annotations = { 'org.opencontainers.image.ref.name': PROGRAM_VERSION };
  const index = { schemaVersion: 2, manifests: [{ mediaType: manifestType, digest, size, annotations }] };
  writeFileSync(path.join(image, 'index.json'), JSON.stringify(index));
  writeFileSync(path.join(image, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  rmSync(path.join(image, 'manifest'));
  return image;
}

/** Unpacks an archive in the OCI layout: the file system of its image into `root`; returns the entry point. */
export async function unpackOciImage(archive: string, work: string, root: string): Promise<readonly string[]> {
  await run('tar', ['-xf', archive, '-C', work]);
  const blob = (digest: string) => path.join(work, 'blobs', digest.replace(':', '/'));
  const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
  const [first] = json(path.join(work, 'index.json')).manifests;
  const { config, layers } = json(blob(first.digest));
  for (const { digest } of layers) await run('tar', ['-xzf', blob(digest), '-C', root]);
  return json(blob(config.digest)).config.Entrypoint;
}
