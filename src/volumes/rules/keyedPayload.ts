import type { ConfigMap, KeyToPath, Secret } from '../../types/k8s.ts';
import { type FileProjection, type Payload, PayloadError, type Reference } from './payload.ts';

type Read = (key: string) => Uint8Array | undefined;

interface KeyedSource {
  readonly items: readonly KeyToPath[] | undefined;
  readonly defaultMode: number;
  /** Why the volume may be incomplete, and what to watch until it is not. */
  readonly reference: Reference;
}

/**
 * The files of a configMap volume or projection. Without items every key is a file; with items a missing key is an error unless the
 * reference is optional. An absent optional ConfigMap is passed as an empty one.
 */
export function configMapPayload(configMap: ConfigMap, source: KeyedSource): Payload {
  const text = configMap.data ?? {};
  const binary = configMap.binaryData ?? {};
  const read: Read = (key) => {
    if (Object.hasOwn(text, key)) return encode(text[key]!);
    return Object.hasOwn(binary, key) ? decodeBase64(binary[key]!) : undefined;
  };
  const keys = [...Object.keys(text), ...Object.keys(binary)];
  return collect(keys, read, source, 'configmap references non-existent config key');
}

/** The files of a secret volume or projection; the same rules. */
export function secretPayload(secret: Secret, source: KeyedSource): Payload {
  const data = secret.data ?? {};
  const read: Read = (key) => (Object.hasOwn(data, key) ? decodeBase64(data[key]!) : undefined);
  return collect(Object.keys(data), read, source, 'references non-existent secret key');
}

function collect(keys: readonly string[], read: Read, source: KeyedSource, missing: string): Payload {
  const files = new Map<string, FileProjection>();
  if (!source.items?.length) {
    for (const key of keys) files.set(key, { bytes: read(key)!, mode: source.defaultMode });
    return files;
  }
  for (const item of source.items) {
    const bytes = read(item.key);
    if (bytes !== undefined) files.set(item.path, { bytes, mode: item.mode ?? source.defaultMode });
    else if (!source.reference.optional) throw new PayloadError(`${missing}: ${item.key}`);
  }
  return files;
}

const encode = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const decodeBase64 = (text: string): Uint8Array => Buffer.from(text, 'base64');
