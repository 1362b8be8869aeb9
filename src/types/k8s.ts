import type { ObjectMeta, Pod, PodSpec } from './generated/index.ts';

export type { AllocatedPod, PodResources } from './allocated.ts';
export type * from './generated/index.ts';
export type { Mutable } from './mutable.ts';

/** What every API object has. Generic code (stores, events) takes this. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** Metadata of an object that is stored somewhere: the fields that the API server always fills in. */
export type StoredMeta = ObjectMeta & { readonly name: string; readonly uid: string };

/**
 * A Pod as every Pod source emits it: named, in a namespace, with a UID and a spec. OpenAPI marks these as optional because a
 * client may leave them out of a create request; nothing inside the node agent should have to ask again.
 */
export type StoredPod = Pod & {
  readonly metadata: StoredMeta & { readonly namespace: string };
  readonly spec: PodSpec;
};
