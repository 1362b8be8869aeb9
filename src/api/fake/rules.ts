import type { KubeObject, Mutable, Namespace, Pod, StatusDetails } from '../../types/k8s.ts';
import type { Kind } from '../resources.ts';
import { admitPod } from './podDefaults.ts';
import { apiTime, type Storage } from './storage.ts';

/** An answer of the fake that is an error. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(status: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.details = details;
    this.status = status;
    this.reason = reason;
  }
}

type Writable = Mutable<KubeObject & { spec?: unknown; status?: unknown }>;
const WITH_STATUS = new Set<Kind>([
  'Pod',
  'Node',
  'Namespace',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Service',
  'VolumeAttachment',
  'ResourceClaim',
  'CertificateSigningRequest',
  'PodCertificateRequest',
]);

/** What the API server does to an object before storing a create. */
export function prepareCreate(kind: Kind, object: Writable): void {
  object.metadata ??= {};
  const meta = object.metadata;
  for (const field of ['resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const)
    delete meta[field];
  if (kind === 'Pod') {
    admitPod(object as Mutable<Pod>);
    meta.generation = 1;
  }
  if (kind === 'Namespace') (object as Mutable<Namespace>).status ??= { phase: 'Active' };
  if (kind === 'Secret') (object as { type?: string }).type ??= 'Opaque';
}

/** What the API server does to the result of an update or patch: keeps what this endpoint must not change, checks uid and version. */
export function prepareUpdate(kind: Kind, before: KubeObject, after: Writable, subresource: string | undefined): void {
  const old = before.metadata!;
  after.metadata ??= {};
  const meta = after.metadata;
  const name = old.name!;
  if (meta.uid !== undefined && meta.uid !== old.uid) {
    throw new Refusal(
      422,
      'Invalid',
      `${kind} "${name}" is invalid: metadata.uid: Invalid value: "${meta.uid}": field is immutable`,
    );
  }
  if (meta.resourceVersion && meta.resourceVersion !== old.resourceVersion) {
    const why = 'the object has been modified; please apply your changes to the latest version and try again';
    throw new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${kind} "${name}": ${why}`);
  }
  const kept = [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'name',
    'namespace',
  ];
  for (const field of kept) {
    const value = (old as Record<string, unknown>)[field];
    if (value === undefined) delete (meta as Record<string, unknown>)[field];
    else (meta as Record<string, unknown>)[field] = value;
  }
  const was = before as Writable;
  if (subresource === 'status') {
    if (was.spec === undefined) delete after.spec;
    else after.spec = was.spec;
    if (kind === 'Pod') (after as Mutable<Pod>).status!.qosClass ??= (was as Mutable<Pod>).status?.qosClass;
  } else if (WITH_STATUS.has(kind)) {
    if (was.status === undefined) delete after.status;
    else after.status = was.status;
    if (kind === 'Pod' && JSON.stringify(after.spec) !== JSON.stringify(was.spec))
      meta.generation = (old.generation ?? 0) + 1;
  }
}

export interface DeleteRequest {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

function checkPreconditions(kind: Kind, object: KubeObject, { preconditions }: DeleteRequest): void {
  const { uid, resourceVersion, name } = object.metadata!;
  const conflict = (what: string, wanted: string, found: string | undefined) =>
    new Refusal(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${kind} "${name}": the ${what} in the precondition (${wanted}) ` +
        `does not match the ${what} in record (${found}). The object might have been deleted and then recreated`,
    );
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) throw conflict('UID', preconditions.uid, uid);
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw conflict('ResourceVersion', preconditions.resourceVersion, resourceVersion);
  }
}

/** Seconds of grace for a new deletion; unscheduled and finished Pods go at once, as do all other kinds. */
function graceOf(kind: Kind, object: KubeObject, request: DeleteRequest): number {
  if (kind !== 'Pod') return 0;
  const { spec, status } = object as Pod;
  if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') return 0;
  const grace = request.gracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 0;
  return grace < 0 ? 1 : grace;
}

/**
 * Deletes as the API server does: a Pod on a node only gets its deletionTimestamp, later requests may shorten the grace, 0 removes
 * it; finalizers hold any object. Returns the object as it is then.
 */
export function deleteObject(
  storage: Storage,
  kind: Kind,
  object: KubeObject,
  request: DeleteRequest,
  now: number,
): KubeObject {
  checkPreconditions(kind, object, request);
  const old = object.metadata!;
  const pending = old.deletionTimestamp !== undefined ? (old.deletionGracePeriodSeconds ?? 0) : undefined;
  let grace = pending === undefined ? graceOf(kind, object, request) : (request.gracePeriodSeconds ?? pending);
  if (pending !== undefined && pending > 0 && grace >= pending) return object;
  if (grace === 0 && !old.finalizers?.length) return storage.remove(kind, old.namespace, old.name!) ?? object;
  let at = now + grace * 1000;
  if (pending !== undefined) {
    at = Date.parse(old.deletionTimestamp!) - pending * 1000 + grace * 1000;
    if (at < now) {
      at = now;
      if (grace !== 0) grace = 1;
    }
  }
  const metadata = { ...old, deletionTimestamp: apiTime(at), deletionGracePeriodSeconds: grace };
  if (pending === undefined && old.generation) metadata.generation = old.generation + 1;
  return storage.put(kind, { ...object, metadata });
}

/** After a write: an object that was only held by finalizers and has none left is gone. */
export function reapIfDone(storage: Storage, kind: Kind, object: KubeObject): KubeObject {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers, namespace, name } = object.metadata!;
  const done = deletionTimestamp !== undefined && !finalizers?.length && (deletionGracePeriodSeconds ?? 0) === 0;
  return done ? (storage.remove(kind, namespace, name!) ?? object) : object;
}
