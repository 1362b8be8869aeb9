import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

/** Writes an image of one layer into a directory: its blobs, and the digest of its manifest. */
export async function writeImage(directory: string, root: string, config: ImageConfig): Promise<void> {
  rmSync(path.join(directory, 'blobs'), { recursive: true, force: true });
  mkdirSync(path.join(directory, 'blobs'), { recursive: true });
  const { layer, diffId } = await packLayer(directory, root);
  const path0 = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const configBlob = writeBlob(directory, configType, {
    created: '1970-01-01T00:00:00Z',
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { ...config, Env: [path0, ...(config.Env ?? [])] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'kubelet-ts hack/images' }],
  });
  const manifest = { schemaVersion: 2, mediaType: manifestType, config: configBlob, layers: [layer] };
  const { digest } = writeBlob(directory, manifestType, manifest);
  writeFileSync(path.join(directory, 'manifest'), digest);
}
