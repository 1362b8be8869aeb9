// Images for the odd registry, made in memory: the layers of a built image, and more of any size that no other image has.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { blobFile, manifestDigest, manifestType } from '../../hack/images/layout.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Blobs by digest, and the manifest's. */
export interface OddImage {
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly manifest: Buffer;
  /** Digests of the layers that were added, in order. */
  readonly added: readonly string[];
}

const TAR = 'application/vnd.oci.image.layer.v1.tar';

/** The digest of a blob, as registries name it. */
export const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A tar archive of one file of so many bytes. */
function tarOf(name: string, size: number): Buffer {
  const padded = Math.ceil(size / 512) * 512;
  const archive = Buffer.alloc(512 + padded + 1024);
  const fields: readonly [number, string][] = [
    [0, name],
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, `${size.toString(8).padStart(11, '0')}\0`],
    [136, '00000000000\0'],
    [148, '        '],
    [156, '0'],
    [257, 'ustar\x0000'],
  ];
  for (const [at, text] of fields) archive.write(text, at, 'latin1');
  const sum = archive.subarray(0, 512).reduce((a, b) => a + b, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  archive.fill(createHash('sha256').update(name).digest(), 512, 512 + size);
  return archive;
}

/** `base`: the directory of a built image. `name` makes the added layers its own; `isArchive` false: they cannot be unpacked. */
export function oddImage(base: string, name: string, sizes: readonly number[], isArchive = true): OddImage {
  const read = (digest: string): Buffer => readFileSync(blobFile(base, digest));
  const manifest = JSON.parse(read(manifestDigest(base)).toString()) as { config: Descriptor; layers: Descriptor[] };
  const config = JSON.parse(read(manifest.config.digest).toString()) as { rootfs: { diff_ids: string[] } };
  const blobs = new Map(manifest.layers.map(({ digest }) => [digest, read(digest)]));
  const added = sizes.map((size, i) => {
    const bytes = tarOf(`odd/${name}-${i}`, size);
    if (!isArchive) bytes.fill('no archive');
    blobs.set(digestOf(bytes), bytes);
    return { mediaType: TAR, digest: digestOf(bytes), size: bytes.length };
  });
  const digests = added.map(({ digest }) => digest);
  const rootfs = { ...config.rootfs, diff_ids: [...config.rootfs.diff_ids, ...digests] };
  const configBytes = Buffer.from(JSON.stringify({ ...config, rootfs, history: undefined }));
  blobs.set(digestOf(configBytes), configBytes);
  const descriptor = { ...manifest.config, digest: digestOf(configBytes), size: configBytes.length };
  const layers = [...manifest.layers, ...added];
  const text = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config: descriptor, layers }));
  return { blobs, manifest: text, added: digests };
}
