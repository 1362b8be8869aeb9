import type { ObjectStore } from '../api/objectStore.ts';
import { RESOURCES } from '../api/resources.ts';
import type { TokenManager } from '../api/tokens.ts';
import { disposable } from '../lib/disposables.ts';
import { KubeletError } from '../lib/errors.ts';
import type { ReferencedState } from '../pods/facts.ts';
import type { ConfigMap, Pod, Secret } from '../types/k8s.ts';
import type { Lookup, ObjectLookup, TokenDemand, VolumeContext } from '../volumes/contract.ts';
import { FollowRoom } from './followRoom.ts';
import type { NodeObjectKind, ObjectSource, ReferencedKind } from './references.ts';

/** ConfigMaps, Secrets and RuntimeClasses for Pods: from the API's stores, or from manifests in standalone mode. */
export interface PodObjects extends ObjectSource {
  readonly lookup: ObjectLookup;
  token: VolumeContext['token'];
  /** Handler of the Pod's RuntimeClass; empty for the runtime's default one. */
  runtimeHandler(pod: Pod): string;
}

type ApiKind = Exclude<ReferencedKind, NodeObjectKind>;

/** What the node has of one kind. */
export interface Drivers {
  /** Another one after each change; undefined while there is none of that name. */
  version(name: string): string | undefined;
  subscribe(name: string, listener: () => void): Disposable;
}

/** A kind that is left out is never there. */
export type NodeObjects = Readonly<Partial<Record<NodeObjectKind, Drivers>>>;

const OF_NODE: ReadonlySet<string> = new Set<NodeObjectKind>([
  ...(['CSIPlugin', 'FlexVolumeDriver', 'ClusterTrustBundle', 'PodCertificate'] as const),
]);

function isOfNode(kind: ReferencedKind): kind is NodeObjectKind {
  return OF_NODE.has(kind);
}

function driverState(drivers: Drivers | undefined, name: string): ReferencedState {
  const version = drivers?.version(name);
  return version === undefined ? { state: 'absent' } : { state: 'present', version };
}

function subscribeTo(drivers: Drivers | undefined, name: string, onChange: () => void): Disposable {
  return drivers?.subscribe(name, onChange) ?? disposable(() => {});
}

/** Objects as the API server has them. Every look-up answers from what the Pod's references subscribed to. */
export function apiObjects(
  store: ObjectStore,
  tokens: TokenManager,
  drivers: NodeObjects,
  room: FollowRoom = new FollowRoom(),
): PodObjects {
  // RuntimeClasses are cluster-wide and few: one list for the node.
  store.subscribe('RuntimeClass', undefined, '', () => {}); // for the life of the process
  const scope = (kind: ApiKind, namespace: string) => (RESOURCES[kind].namespaced ? namespace : undefined);
  return {
    room,
    state(kind, namespace, name) {
      if (isOfNode(kind)) return driverState(drivers[kind], name);
      const found = store.get(kind, scope(kind, namespace), name);
      if (found.state === 'present') return { state: 'present', version: found.object.metadata?.resourceVersion ?? '' };
      return found;
    },
    subscribe: (kind, namespace, name, onChange) =>
      isOfNode(kind)
        ? subscribeTo(drivers[kind], name, onChange)
        : store.subscribe(kind, scope(kind, namespace), name, onChange),
    lookup: {
      get: ((kind: ApiKind, namespace: string, name: string) =>
        store.get(kind, scope(kind, namespace), name)) as ObjectLookup['get'],
    },
    token: (demand) => issue(tokens, demand),
    runtimeHandler(pod) {
      const name = pod.spec?.runtimeClassName;
      if (!name) return '';
      const found = store.get('RuntimeClass', undefined, name);
      if (found.state === 'present') return found.object.handler;
      throw new KubeletError(
        `failed to get RuntimeClass ${name}: ${found.state === 'absent' ? `runtimeclasses.node.k8s.io "${name}" not found` : found.reason}`,
        {
          code: 'CreatePodSandboxError',
        },
      );
    },
  };
}

function issue(tokens: TokenManager, demand: TokenDemand) {
  return tokens.get({
    namespace: demand.namespace,
    serviceAccount: demand.serviceAccountName,
    podName: demand.pod.name,
    podUid: demand.pod.uid,
    audiences: demand.audiences,
    expirationSeconds: demand.expirationSeconds ?? 3600,
  });
}

/** Objects of a node without an API server: those that lie as manifests beside the static Pods. */
export function localObjects(
  find: (kind: 'ConfigMap' | 'Secret', namespace: string, name: string) => ConfigMap | Secret | undefined,
  onChange: (fn: () => void) => Disposable,
  drivers: NodeObjects,
): PodObjects {
  const get = (kind: string, namespace: string, name: string): Lookup<ConfigMap | Secret> => {
    if (kind !== 'ConfigMap' && kind !== 'Secret') return { state: 'absent' };
    const object = find(kind, namespace, name);
    return object ? { state: 'present', object } : { state: 'absent' };
  };
  return {
    state(kind, namespace, name) {
      if (isOfNode(kind)) return driverState(drivers[kind], name);
      if (kind !== 'ConfigMap' && kind !== 'Secret') return { state: 'absent' };
      const found = get(kind, namespace, name);
      if (found.state !== 'present') return { state: 'absent' };
      return {
        state: 'present',
        version: found.object.metadata?.resourceVersion ?? JSON.stringify(found.object.metadata?.annotations ?? {}),
      };
    },
    subscribe: (kind, _namespace, name, changed) =>
      isOfNode(kind) ? subscribeTo(drivers[kind], name, changed) : onChange(changed),
    lookup: { get: get as ObjectLookup['get'] },
    async token() {
      throw new KubeletError(
        'a service account token needs an API server; this node runs without one (no --kubeconfig)',
        { code: 'FailedMount' },
      );
    },
    runtimeHandler(pod) {
      if (!pod.spec?.runtimeClassName) return '';
      throw new KubeletError('runtimeClassName needs an API server; this node runs without one (no --kubeconfig)', {
        code: 'CreatePodSandboxError',
      });
    },
  };
}
