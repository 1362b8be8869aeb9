import { goJson } from '../../k8s/goText.ts';
import { rfc3339 } from '../../k8s/rfc3339.ts';
import type { Coordinates } from '../types.ts';

/** A Secret that pulled an image, with the hash of its login as it was then. */
export interface RecordedSecret extends Coordinates {
  readonly credentialHash: string;
}

/** By whose credentials an image could be pulled under one name. All fields empty: by nobody's that is known. */
export interface ImageCredentials {
  readonly secrets: readonly RecordedSecret[];
  readonly serviceAccounts: readonly Coordinates[];
  /** No credentials were needed, or the node's own: every Pod may use it. */
  readonly nodePodsAccessible: boolean;
}

/** That kubelet pulled an image, and with what: an ImagePulledRecord of kubelet.config.k8s.io. */
export interface PulledRecord {
  /** Wall ms; files hold whole seconds. */
  readonly lastUpdated: number;
  /** The runtime's id of the image. */
  readonly imageRef: string;
  /** By the name in the Pod's spec, without tag and digest. */
  readonly credentials: ReadonlyMap<string, ImageCredentials>;
}

const GROUP = 'kubelet.config.k8s.io';
const CURRENT = `${GROUP}/v1beta1`;
const VERSIONS = [CURRENT, `${GROUP}/v1alpha1`];

/** The text of an ImagePullIntent, byte for byte as the Go kubelet writes it. */
export function encodeIntent(image: string): string {
  return `${goJson({ kind: 'ImagePullIntent', apiVersion: CURRENT, image })}\n`;
}

/** The text of an ImagePulledRecord, byte for byte as the Go kubelet writes it. */
export function encodeRecord({ lastUpdated, imageRef, credentials }: PulledRecord): string {
  const names = [...credentials.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const mapping = names.map((name) => `${goJson(name)}:${goJson(credentialsOut(credentials.get(name)!))}`);
  const head = {
    kind: 'ImagePulledRecord',
    apiVersion: CURRENT,
    lastUpdatedTime: rfc3339(lastUpdated),
    imageRef,
  };
  // Put together as text: an object would put names that are numbers first.
  const tail = mapping.length === 0 ? '' : `,"credentialMapping":{${mapping.join(',')}}`;
  return `${goJson(head).slice(0, -1)}${tail}}\n`;
}

function credentialsOut({ secrets, serviceAccounts, nodePodsAccessible }: ImageCredentials): unknown {
  return {
    ...(secrets.length > 0 && {
      kubernetesSecrets: secrets.map((s) => ({ ...coordinates(s), credentialHash: s.credentialHash })),
    }),
    ...(serviceAccounts.length > 0 && { kubernetesServiceAccounts: serviceAccounts.map(coordinates) }),
    ...(nodePodsAccessible && { nodePodsAccessible }),
  };
}

const coordinates = ({ uid, namespace, name }: Coordinates) => ({ uid, namespace, name });

/** Reads an ImagePullIntent of a known version; `isCurrent`: it need not be written anew. Throws with what does not fit: what is not understood must never let anybody in. */
export function decodeIntent(text: string): { readonly image: string; readonly isCurrent: boolean } {
  const { apiVersion, image } = typed(text, 'ImagePullIntent', ['image']);
  return { image: textOf(image, 'image'), isCurrent: apiVersion === CURRENT };
}

/** Reads an ImagePulledRecord, as above. */
export function decodeRecord(text: string): { readonly record: PulledRecord; readonly isCurrent: boolean } {
  const fields = typed(text, 'ImagePulledRecord', ['lastUpdatedTime', 'imageRef', 'credentialMapping']);
  const time = fields.lastUpdatedTime === null ? 0 : Date.parse(textOf(fields.lastUpdatedTime, 'lastUpdatedTime'));
  if (Number.isNaN(time)) throw new Error('lastUpdatedTime is no time');
  const mapping = Object.entries(objectOf(fields.credentialMapping ?? {}, 'credentialMapping'));
  return {
    isCurrent: fields.apiVersion === CURRENT,
    record: {
      lastUpdated: time,
      imageRef: textOf(fields.imageRef, 'imageRef'),
      credentials: new Map(mapping.map(([name, value]) => [name, credentialsIn(value)])),
    },
  };
}

function typed(text: string, kind: string, known: readonly string[]): Record<string, unknown> {
  const fields = objectOf(JSON.parse(text), 'the file');
  strict(fields, ['kind', 'apiVersion', ...known]);
  if (fields.kind !== kind) throw new Error(`its kind is ${JSON.stringify(fields.kind)} and not ${kind}`);
  if (!VERSIONS.includes(fields.apiVersion as string)) throw new Error('its apiVersion is not known');
  return fields;
}

function credentialsIn(value: unknown): ImageCredentials {
  const fields = objectOf(value, 'credentials of an image');
  strict(fields, ['kubernetesSecrets', 'kubernetesServiceAccounts', 'nodePodsAccessible']);
  const { kubernetesSecrets, kubernetesServiceAccounts, nodePodsAccessible = false } = fields;
  if (typeof nodePodsAccessible !== 'boolean') throw new Error('nodePodsAccessible is neither true nor false');
  return {
    secrets: listOf(kubernetesSecrets).map((one) => ({
      ...coordinatesIn(one, ['credentialHash']),
      credentialHash: textOf(one.credentialHash, 'credentialHash'),
    })),
    serviceAccounts: listOf(kubernetesServiceAccounts).map((one) => coordinatesIn(one, [])),
    nodePodsAccessible,
  };
}

function coordinatesIn(fields: Record<string, unknown>, more: readonly string[]): Coordinates {
  strict(fields, ['uid', 'namespace', 'name', ...more]);
  const { uid, namespace, name } = fields;
  return { uid: textOf(uid, 'uid'), namespace: textOf(namespace, 'namespace'), name: textOf(name, 'name') };
}

function listOf(value: unknown): Record<string, unknown>[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error('a list is expected');
  return value.map((one) => objectOf(one, 'an item of a list'));
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is no object`);
  return value as Record<string, unknown>;
}

function textOf(value: unknown, what: string): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') throw new Error(`${what} is no text`);
  return value;
}

function strict(fields: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`unknown field ${JSON.stringify(unknown)}`);
}
