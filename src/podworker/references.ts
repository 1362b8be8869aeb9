import { ownEntry } from '../lib/ownEntry.ts';
import type { ReferencedState } from '../pods/facts.ts';
import type { FactUpdate } from '../pods/updates.ts';
import { isTerminal } from '../status/rules/phase.ts';
import type { Pod, StoredPod } from '../types/k8s.ts';
import type { FollowPlace, FollowRoom } from './followRoom.ts';
import { envReferences } from './spec/envReferences.ts';

/** Kinds of API objects that a Pod's start can wait for. */
export type ReferencedKind = 'ConfigMap' | 'Secret' | 'RuntimeClass' | VolumeObjectKind | NodeObjectKind;

/** Kinds that stand between a Pod and its volume. What each says decides which objects come next. */
export type VolumeObjectKind = 'PersistentVolumeClaim' | 'PersistentVolume' | 'CSIDriver';

/**
 * What a volume waits for like for an API object, and others here look after: a driver of this node, trust bundles (one or a signer's),
 * a certificate for the Pod.
 */
export type NodeObjectKind = 'CSIPlugin' | 'FlexVolumeDriver' | 'ClusterTrustBundle' | 'PodCertificate';

const LEADS_ON: Readonly<Record<ReferencedKind, boolean>> = {
  ConfigMap: false,
  Secret: false,
  RuntimeClass: false,
  PersistentVolumeClaim: true,
  PersistentVolume: true,
  CSIDriver: true,
  CSIPlugin: false,
  FlexVolumeDriver: false,
  ClusterTrustBundle: false,
  PodCertificate: false,
};

/** Kinds that are followed one by one at the API server; the others come as a whole, or are not its objects. */
const ONE_BY_ONE: ReadonlySet<ReferencedKind> = new Set<ReferencedKind>([
  ...(['ConfigMap', 'Secret', 'PersistentVolumeClaim', 'PersistentVolume'] as const),
]);

/** Where objects come from: the shared stores of the API, or local manifests in standalone mode. */
export interface ObjectSource {
  /** Places for what is followed one by one; absent where that costs nothing. */
  readonly room?: Pick<FollowRoom, 'take' | 'onRoom'>;
  state(kind: ReferencedKind, namespace: string, name: string): ReferencedState;
  /** `onChange` after each change of what `state` answers, never from within this call. */
  subscribe(kind: ReferencedKind, namespace: string, name: string, onChange: () => void): Disposable;
}

/** An object of the API, or a driver of the node, that a Pod needs. Namespace is empty for what belongs to no namespace. */
export interface FollowedObject {
  readonly kind: ReferencedKind;
  readonly namespace: string;
  readonly name: string;
}

const keyOf = (r: FollowedObject): string => `${r.kind} ${r.namespace}/${r.name}`;

/** What a volume type needs of an object, with the volume that needs it. */
export type VolumeNeed = FollowedObject & { readonly volume?: string };

/** Keeps one Pod's facts about the objects it refers to current. Its lifetime is its worker's. */
export class References implements Disposable {
  readonly #source: ObjectSource;
  readonly #learn: (update: FactUpdate) => void;
  readonly #volumeNeeds: (pod: StoredPod) => readonly VolumeNeed[];
  readonly #subscriptions = new Map<string, Disposable>();
  readonly #places = new Map<string, FollowPlace>();
  readonly #room: Disposable | undefined;
  readonly #defect: (error: unknown) => void;
  #pod: Pod | undefined;

  constructor(
    source: ObjectSource,
    learn: (update: FactUpdate) => void,
    volumeNeeds: (pod: StoredPod) => readonly VolumeNeed[],
    defect: (error: unknown) => void,
  ) {
    this.#defect = defect;
    this.#source = source;
    this.#learn = learn;
    this.#volumeNeeds = volumeNeeds;
    this.#room = source.room?.onRoom(() => this.#tryAgain());
  }

  /**
   * Subscribes to what this version of the Pod refers to, and drops what it does not any more. It is asked again when an object changes
   * that leads on to others: a claim to its volume.
   */
  follow(pod: Pod): void {
    this.#pod = pod;
    const wanted = new Map<string, FollowedObject>();
    const keysOf = (references: readonly FollowedObject[]) =>
      references.map((r) => {
        wanted.set(keyOf(r), r);
        return keyOf(r);
      });
    const env: Record<string, string[]> = {};
    const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
    for (const c of [...initContainers, ...containers, ...(ephemeralContainers as typeof containers)])
      env[c.name] = keysOf(envReferences(pod, c));
    const volumes: Record<string, string[]> = {};
    // Of a Pod that is over nothing is mounted any more, and its claims may be gone.
    for (const r of isTerminal(pod.status?.phase) ? [] : this.#volumeNeeds(pod as StoredPod)) {
      const keys = keysOf([r]);
      if (r.volume !== undefined) volumes[r.volume] = [...(ownEntry(volumes, r.volume) ?? []), ...keys];
    }
    const namespace = pod.metadata?.namespace ?? '';
    const pulls = keysOf(
      (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) =>
        name ? [{ kind: 'Secret', namespace, name } as const] : [],
      ),
    );
    this.#subscribe(wanted);
    this.#learn({ kind: 'references', references: { objects: this.#states(wanted), env, volumes, pulls } });
  }

  [Symbol.dispose](): void {
    this.#room?.[Symbol.dispose]();
    this.#pod = undefined;
    this.#subscribe(new Map());
  }

  /** Others have let objects go: what was refused may be followed now. */
  #tryAgain(): void {
    const refused = [...this.#places].filter(([, place]) => place.refused !== undefined);
    if (!this.#pod || refused.length === 0) return;
    for (const [key, place] of refused) {
      place[Symbol.dispose]();
      this.#places.delete(key);
    }
    try {
      this.follow(this.#pod);
    } catch (error) {
      this.#defect(error);
    }
  }

  #subscribe(wanted: ReadonlyMap<string, FollowedObject>): void {
    for (const [key, subscription] of this.#subscriptions) {
      if (wanted.has(key)) continue;
      subscription[Symbol.dispose]();
      this.#subscriptions.delete(key);
    }
    this.#takePlaces(wanted);
    for (const [key, r] of wanted) {
      if (this.#subscriptions.has(key) || this.#places.get(key)?.refused !== undefined) continue;
      const changed = () => {
        try {
          if (this.#pod && LEADS_ON[r.kind]) this.follow(this.#pod);
          else this.#learn({ kind: 'object', key, state: this.#state(r) });
        } catch (error) {
          this.#defect(error); // of this Pod: the others that refer to the object hear of it too
        }
      };
      this.#subscriptions.set(key, this.#source.subscribe(r.kind, r.namespace, r.name, changed));
    }
  }

  #takePlaces(wanted: ReadonlyMap<string, FollowedObject>): void {
    for (const [key, place] of this.#places) {
      if (wanted.has(key)) continue;
      place[Symbol.dispose]();
      this.#places.delete(key);
    }
    let ordinal = 0;
    for (const [key, { kind }] of wanted) {
      if (!this.#source.room || !ONE_BY_ONE.has(kind)) continue;
      if (!this.#places.has(key)) this.#places.set(key, this.#source.room.take(key, ordinal));
      ordinal += 1;
    }
  }

  #states(wanted: ReadonlyMap<string, FollowedObject>): Record<string, ReferencedState> {
    return Object.fromEntries([...wanted].map(([key, r]) => [key, this.#state(r)]));
  }

  #state(r: FollowedObject): ReferencedState {
    const refused = this.#places.get(keyOf(r))?.refused;
    if (refused !== undefined) return { state: 'unknown', reason: refused };
    return this.#source.state(r.kind, r.namespace, r.name);
  }
}
