import { createHash } from 'node:crypto';
import {
  createReadStream,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../lib/run.ts';
import type { ImageConfig } from './definition.ts';

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

/** The file of a blob in an image directory. */
export function blobFile(directory: string, digest: string): string {
  return path.join(directory, 'blobs', digest.replace(':', '-'));
}

/** The digest of the manifest of the image in a directory. */
export function manifestDigest(directory: string): string {
  return readFileSync(path.join(directory, 'manifest'), 'utf8').trim();
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return `sha256:${hash.digest('hex')}`;
}

function writeBlob(directory: string, mediaType: string, content: object): Descriptor {
  const bytes = Buffer.from(JSON.stringify(content));
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  writeFileSync(blobFile(directory, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}

/** Packs a root file system as a layer: same content, same digest. */
async function packLayer(directory: string, root: string): Promise<{ layer: Descriptor; diffId: string }> {
  const tar = path.join(directory, 'layer.tar');
  await run('tar', ['--sort=name', '--mtime=@0', '--numeric-owner', '--xattrs', '-C', root, '-cf', tar, '.']);
  const diffId = await sha256(tar);
  await run('gzip', ['-n', '-6', tar]);
  const digest = await sha256(`${tar}.gz`);
  const { size } = statSync(`${tar}.gz`);
  renameSync(`${tar}.gz`, blobFile(directory, digest));
  return { layer: { mediaType: layerType, digest, size }, diffId };
}

interface Layers {
  layers: Descriptor[];
  diffIds: string[];
}

/** The layers of a built image, their blobs linked into another image's directory. */
function takeLayers(base: string, directory: string): Layers {
  const read = (digest: string): unknown => JSON.parse(readFileSync(blobFile(base, digest), 'utf8'));
  const { config, layers } = read(manifestDigest(base)) as { config: Descriptor; layers: Descriptor[] };
  for (const { digest } of layers) linkSync(blobFile(base, digest), blobFile(directory, digest));
  const { rootfs } = read(config.digest) as { rootfs: { diff_ids: string[] } };
  return { layers, diffIds: rootfs.diff_ids };
}

/**
 * Writes an image into a directory: its blobs, and the digest of its manifest. Its layers are those of the image in `base`,
 * if given, and one with the content of `root`, unless that is empty.
 */
export async function writeImage(directory: string, root: string, config: ImageConfig, base?: string): Promise<void> {
  rmSync(path.join(directory, 'blobs'), { recursive: true, force: true });
  mkdirSync(path.join(directory, 'blobs'), { recursive: true });
  const { layers, diffIds }: Layers = base === undefined ? { layers: [], diffIds: [] } : takeLayers(base, directory);
  if (readdirSync(root).length > 0) {
    const { layer, diffId } = await packLayer(directory, root);
    layers.push(layer);
    diffIds.push(diffId);
  }
  const path0 = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const configBlob = writeBlob(directory, configType, {
    created: '1970-01-01T00:00:00Z',
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { ...config, Env: [path0, ...(config.Env ?? [])] },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map(() => ({ created: '1970-01-01T00:00:00Z', created_by: 'kubelet-ts hack/images' })),
  });
  const manifest = { schemaVersion: 2, mediaType: manifestType, config: configBlob, layers };
  const { digest } = writeBlob(directory, manifestType, manifest);
  writeFileSync(path.join(directory, 'manifest'), digest);
}
