import { digestProblem } from '../../k8s/imageReference.ts';
import { parseModestJson } from '../../lib/modestJson.ts';

/** A layer of an image. */
export interface ImagePart {
  readonly digest: string;
  /** Bytes, as the manifest claims. */
  readonly size: number;
}

/** What a content store says of a blob that is there. */
export interface StoredBlob {
  readonly digest: string;
  readonly size: number;
  /** Wall ms. */
  readonly updatedAt: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** A layer takes some hundred bytes of a manifest. The progress of an image with a longer one, or with more layers, is not told layer by layer. */
export const MAX_MANIFEST_BYTES = 256 * 1024;
const MAX_LAYERS = 256;
const MAX_PARTS = 10_000;

const CHILD = 'containerd.io/gc.ref.content.';

/** containerd's filter for the manifests that came from a repository (`registry.example.com/team/app`). */
export function manifestsOf(repository: string): string {
  const slash = repository.indexOf('/');
  // Its label has the host alone: no port, no brackets.
  const host = repository
    .slice(0, slash)
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1');
  const source = JSON.stringify(`containerd.io/distribution.source.${host}`);
  const path = JSON.stringify(repository.slice(slash + 1).replaceAll('.', '\\.'));
  return `labels.${source}~=${path},labels.${JSON.stringify(`${CHILD}config`)}`;
}

/** containerd's filters for blobs of these digests. */
export function blobsOf(digests: readonly string[]): string[] {
  return digests.map((digest) => `digest==${JSON.stringify(digest)}`);
}

/** The manifest to which one of the digests belongs; of several the one that came last, and one that is too long to be read only if there is no other. */
export function findManifest(blobs: readonly StoredBlob[], digests: ReadonlySet<string>): StoredBlob | undefined {
  const isParent = ({ labels }: StoredBlob) =>
    Object.entries(labels).some(([key, value]) => key.startsWith(CHILD) && digests.has(value));
  const parents = blobs.filter(isParent);
  const readable = parents.filter(({ size }) => size <= MAX_MANIFEST_BYTES);
  return (readable.length > 0 ? readable : parents).reduce<StoredBlob | undefined>(
    (last, blob) => (last && last.updatedAt > blob.updatedAt ? last : blob),
    undefined,
  );
}

/** The layers that a manifest names, each once; undefined for what is none, or is beyond measure: a registry chose the text. */
export function partsOf(manifest: string): ImagePart[] | undefined {
  let value: unknown;
  try {
    value = parseModestJson(manifest, MAX_PARTS);
  } catch {
    return undefined;
  }
  const { layers } = objectOf(value);
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) return undefined;
  const parts = new Map<string, number>();
  for (const one of layers) {
    const { digest, size } = objectOf(one);
    if (typeof digest !== 'string' || digest.length > 200 || digestProblem(digest) !== undefined) return undefined;
    if (!Number.isSafeInteger(size) || (size as number) < 0) return undefined;
    parts.set(digest, size as number);
  }
  const total = [...parts.values()].reduce((sum, size) => sum + size, 0);
  if (!Number.isSafeInteger(total)) return undefined;
  return [...parts].map(([digest, size]) => ({ digest, size }));
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
