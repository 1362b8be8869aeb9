import type { Pod, StoredPod } from '../types/k8s.ts';
import type { FactSheet } from './factSheet.ts';
import type { ObjectState } from './rules/facts.ts';
import { envReferences } from './spec/envReferences.ts';

/** Kinds of API objects that a Pod's start can wait for. */
export type ReferencedKind = 'ConfigMap' | 'Secret' | 'RuntimeClass';

/** Where objects come from: the shared stores of the API, or local manifests in standalone mode. */
export interface ObjectSource {
  state(kind: ReferencedKind, namespace: string, name: string): ObjectState;
  /** `onChange` after each change of what `state` answers, never from within this call. */
  subscribe(kind: ReferencedKind, namespace: string, name: string, onChange: () => void): Disposable;
}

export interface Reference {
  readonly kind: ReferencedKind;
  readonly namespace: string;
  readonly name: string;
}

const keyOf = (r: Reference): string => `${r.kind} ${r.namespace}/${r.name}`;

/** Keeps one Pod's facts about the objects it refers to current. Its lifetime is its worker's. */
export class References implements Disposable {
  readonly #source: ObjectSource;
  readonly #sheet: FactSheet;
  readonly #wake: () => void;
  readonly #volumeNeeds: (pod: StoredPod) => readonly (Reference & { readonly volume?: string })[];
  readonly #subscriptions = new Map<string, Disposable>();

  constructor(
    source: ObjectSource,
    sheet: FactSheet,
    wake: () => void,
    volumeNeeds: (pod: StoredPod) => readonly (Reference & { readonly volume?: string })[],
  ) {
    this.#source = source;
    this.#sheet = sheet;
    this.#wake = wake;
    this.#volumeNeeds = volumeNeeds;
  }

  /** Subscribes to what this version of the Pod refers to, and drops what it does not any more. */
  follow(pod: Pod): void {
    const wanted = new Map<string, Reference>();
    const env: Record<string, string[]> = {};
    const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
    for (const c of [...initContainers, ...containers, ...(ephemeralContainers as typeof containers)]) {
      const references = envReferences(pod, c);
      env[c.name] = references.map(keyOf);
      for (const r of references) wanted.set(keyOf(r), r);
    }
    const volumes: Record<string, string[]> = {};
    for (const r of this.#volumeNeeds(pod as StoredPod)) {
      wanted.set(keyOf(r), r);
      if (r.volume !== undefined) volumes[r.volume] = [...(volumes[r.volume] ?? []), keyOf(r)];
    }
    const namespace = pod.metadata?.namespace ?? '';
    const pulls: string[] = [];
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      if (!name) continue;
      const secret = { kind: 'Secret', namespace, name } as const;
      wanted.set(keyOf(secret), secret);
      pulls.push(keyOf(secret));
    }
    this.#sheet.pullObjects = pulls;
    this.#sheet.envObjects = env;
    this.#sheet.volumeObjects = volumes;
    this.#sync(wanted);
  }

  [Symbol.dispose](): void {
    this.#sync(new Map());
  }

  #sync(wanted: ReadonlyMap<string, Reference>): void {
    for (const [key, subscription] of this.#subscriptions) {
      if (wanted.has(key)) continue;
      subscription[Symbol.dispose]();
      this.#subscriptions.delete(key);
    }
    for (const [key, r] of wanted) {
      if (this.#subscriptions.has(key)) continue;
      const look = () => {
        this.#look(key, r);
        this.#wake();
      };
      this.#subscriptions.set(key, this.#source.subscribe(r.kind, r.namespace, r.name, look));
    }
    const objects: Record<string, ObjectState> = {};
    for (const [key, r] of wanted) objects[key] = this.#source.state(r.kind, r.namespace, r.name);
    this.#sheet.objects = objects;
  }

  #look(key: string, r: Reference): void {
    this.#sheet.objects = { ...this.#sheet.objects, [key]: this.#source.state(r.kind, r.namespace, r.name) };
  }
}
