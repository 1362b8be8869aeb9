import type { KubeObject, Mutable, Pod, StoredPod } from '../../types/k8s.ts';
import type { Kind, KindMap } from '../resources.ts';
import { bindPod, type HandlerContext } from './handlers.ts';
import { addTokenVolume } from './podDefaults.ts';
import { deleteObject, prepareCreate } from './rules.ts';

/** A Pod as a test writes it: only what it cares about. */
export interface PodSketch {
  readonly metadata: NonNullable<Pod['metadata']> & { readonly name: string };
  readonly spec: Partial<NonNullable<Pod['spec']>>;
}

/** Direct access to the fake's objects for tests, past HTTP but under the API server's rules. */
export class FakeObjects {
  readonly #context: HandlerContext;

  constructor(context: HandlerContext) {
    this.#context = context;
  }

  get<K extends Kind>(kind: K, namespace: string | undefined, name: string): KindMap[K] | undefined {
    return this.#context.storage.get(kind, namespace, name) as KindMap[K] | undefined;
  }

  /** Stores an object as it is, creating or replacing it; its status too. */
  set<K extends Kind>(kind: K, object: KindMap[K]): KindMap[K] {
    return this.#context.storage.put(kind, object as KubeObject) as KindMap[K];
  }

  /** Changes a stored object in place and stores it. Throws if it is not there. */
  edit<K extends Kind>(
    kind: K,
    namespace: string | undefined,
    name: string,
    change: (object: Mutable<KindMap[K]>) => void,
  ): KindMap[K] {
    const current = this.get(kind, namespace, name);
    if (!current) throw new Error(`the fake has no ${kind} ${namespace ?? ''}/${name}`);
    const next = JSON.parse(JSON.stringify(current)) as Mutable<KindMap[K]>;
    change(next);
    return this.set(kind, next as KindMap[K]);
  }

  /** Removes an object at once, whatever its grace and finalizers. */
  remove(kind: Kind, namespace: string | undefined, name: string): void {
    this.#context.storage.remove(kind, namespace, name);
  }

  /** Creates a Pod with the API server's defaults; given a node, bound to it; with `token`, with the usual service account volume. */
  createPod(sketch: PodSketch, node?: string, options: { readonly token?: boolean } = {}): StoredPod {
    const pod = JSON.parse(JSON.stringify({ ...sketch, spec: { containers: [], ...sketch.spec } })) as Mutable<Pod>;
    delete pod.spec!.nodeName;
    if (options.token) addTokenVolume(pod.spec!);
    prepareCreate('Pod', pod);
    const target = node ?? sketch.spec.nodeName;
    const stored = this.#context.storage.put('Pod', pod as KubeObject) as Pod;
    return (target === undefined ? stored : bindPod(this.#context, stored, target)) as StoredPod;
  }

  /** Deletes a Pod as `kubectl delete` does; `grace` in seconds, the Pod's own when absent, 0 removes it. */
  deletePod(namespace: string, name: string, grace?: number): void {
    const pod = this.get('Pod', namespace, name);
    if (!pod) throw new Error(`the fake has no Pod ${namespace}/${name}`);
    const request = grace === undefined ? {} : { gracePeriodSeconds: grace };
    deleteObject(this.#context.storage, 'Pod', pod, request, this.#context.now());
  }
}
