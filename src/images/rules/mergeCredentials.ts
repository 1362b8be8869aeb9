import type { Coordinates } from '../types.ts';
import type { ImageCredentials, PulledRecord, RecordedSecret } from './pullRecord.ts';

/**
 * Images, Secrets and service accounts that one record names: a tenant can make new ones without end. What does not fit is pulled with its
 * credentials each time, as if nothing were known.
 */
const RECORD_ENTRIES = 500;

/** Nothing is known of who may use the image; credentials have to be shown. */
export const NOBODY: ImageCredentials = { secrets: [], serviceAccounts: [], nodePodsAccessible: false };

/**
 * The record with what a pull under `image` (without tag and digest) has taught; the same object when that is nothing new. `learned`
 * undefined: it was pulled, with what is not known. `now`: wall ms. Pure.
 */
export function learn(
  record: PulledRecord | undefined,
  imageRef: string,
  image: string,
  learned: ImageCredentials | undefined,
  now: number,
): PulledRecord {
  if (!record) return { lastUpdated: now, imageRef, credentials: new Map(learned ? [[image, learned]] : []) };
  if (!learned || isEmpty(learned)) return record;
  const known = record.credentials.get(image);
  const merged = known ? merge(known, learned) : learned;
  if (merged === known) return record;
  const credentials = new Map([...record.credentials, [image, merged]]);
  const size = entries(credentials);
  if (size > RECORD_ENTRIES && size > entries(record.credentials)) return record;
  return { ...record, lastUpdated: now, credentials };
}

function entries(credentials: PulledRecord['credentials']): number {
  let sum = 0;
  for (const { secrets, serviceAccounts } of credentials.values()) sum += 1 + secrets.length + serviceAccounts.length;
  return sum;
}

function isEmpty({ secrets, serviceAccounts, nodePodsAccessible }: ImageCredentials): boolean {
  return !nodePodsAccessible && secrets.length === 0 && serviceAccounts.length === 0;
}

/** One kind of credentials at a time, as a pull has them. */
function merge(known: ImageCredentials, learned: ImageCredentials): ImageCredentials {
  if (known.nodePodsAccessible) return known;
  if (learned.nodePodsAccessible) return { ...NOBODY, nodePodsAccessible: true };
  if (learned.secrets.length > 0) {
    const secrets = mergeSecrets(known.secrets, learned.secrets);
    return secrets === known.secrets ? known : { ...known, secrets };
  }
  const isNew = (one: Coordinates) => !known.serviceAccounts.some((other) => keyOf(one) === keyOf(other));
  const more = learned.serviceAccounts.filter(isNew);
  if (more.length === 0) return known;
  return { ...known, serviceAccounts: [...known.serviceAccounts, ...more].sort(byCoordinates) };
}

/** One entry for each Secret, with its newest hash. */
function mergeSecrets(known: readonly RecordedSecret[], learned: readonly RecordedSecret[]): readonly RecordedSecret[] {
  const all = new Map(known.map((secret) => [keyOf(secret), secret]));
  let isChanged = false;
  for (const secret of learned) {
    const before = all.get(keyOf(secret));
    if (before?.credentialHash === secret.credentialHash) continue;
    all.set(keyOf(secret), secret);
    isChanged = true;
  }
  return isChanged ? [...all.values()].sort(byCoordinates) : known;
}

const keyOf = ({ uid, namespace, name }: Coordinates) => JSON.stringify([namespace, name, uid]);

function byCoordinates(a: Coordinates, b: Coordinates): number {
  return compare(a.namespace, b.namespace) || compare(a.name, b.name) || compare(a.uid, b.uid);
}

/** Go's order of texts: by their bytes. */
const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
