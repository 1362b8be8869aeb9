import { type Clock, realClock } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { deepFreeze } from '../../lib/freeze.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { PodChange, PodSource } from '../podSource.types.ts';
import type { LocalObject, ManifestProblem, ManifestRules } from './manifestContent.ts';
import { readManifest } from './readManifest.ts';
import { CONFIG_SEEN } from './staticPod.ts';

/** What every source of static Pods needs to know. */
export interface StaticPodOptions {
  readonly nodeName: string;
  readonly rules: ManifestRules;
  readonly clock?: Clock;
}

/** A source of static Pods: a PodSource that can also say what it could not use. */
export interface StaticPodSource extends PodSource, Disposable {
  /** Starts to read and watch. */
  start(): this;
  /** What is wrong now, by file. A manifest with a problem keeps the version of before. */
  problems(): readonly ManifestProblem[];
  /** Called after `problems()` changed. */
  onProblems(listener: (problems: readonly ManifestProblem[]) => void): Disposable;
  /** Called with what is odd about a manifest that was read: unknown fields, which are left out. */
  onWarnings(listener: (warnings: readonly ManifestProblem[]) => void): Disposable;
  /** A ConfigMap or Secret from the manifests (standalone mode), or undefined. */
  object(kind: 'ConfigMap' | 'Secret', namespace: string, name: string): LocalObject | undefined;
  /** Called with each ConfigMap or Secret that came, changed or went. */
  onObject(listener: (object: LocalObject) => void): Disposable;
}

interface Entry {
  readonly pods: ReadonlyMap<string, StoredPod>;
  readonly objects: ReadonlyMap<string, LocalObject>;
}

const EMPTY: Entry = { pods: new Map(), objects: new Map() };

/** What the file source and the URL source share: manifests by location, and the changes between their versions. */
export class StaticPods {
  readonly #source: 'file' | 'http';
  readonly #options: StaticPodOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #texts = new Map<string, string>();
  readonly #problems = new Map<string, readonly ManifestProblem[]>();
  readonly #pods = new Map<string, StoredPod>();
  readonly #owners = new Map<string, string>();
  readonly #seen = new Map<string, string>();
  readonly changes = new Listeners<[PodChange]>();
  readonly problemChanges = new Listeners<[readonly ManifestProblem[]]>();
  readonly warnings = new Listeners<[readonly ManifestProblem[]]>();
  readonly objectChanges = new Listeners<[LocalObject]>();
  #synced = false;

  constructor(source: 'file' | 'http', options: StaticPodOptions) {
    this.#source = source;
    this.#options = options;
    this.#clock = options.clock ?? realClock;
  }

  synced(): boolean {
    return this.#synced;
  }

  pods(): ReadonlyMap<string, StoredPod> {
    return this.#pods;
  }

  problems(): readonly ManifestProblem[] {
    return [...this.#problems.values()].flat();
  }

  locations(): readonly string[] {
    return [...new Set([...this.#texts.keys(), ...this.#problems.keys()])];
  }

  object(kind: string, namespace: string, name: string): LocalObject | undefined {
    const key = `${kind}/${namespace}/${name}`;
    for (const entry of this.#entries.values()) {
      const object = entry.objects.get(key);
      if (object) return object;
    }
    return undefined;
  }

  /** Everything known at the start was delivered. */
  markSynced(): void {
    if (this.#synced) return;
    this.#synced = true;
    this.changes.emit({ type: 'synced' });
  }

  /** Takes a new text of a manifest. Text that cannot be used leaves the version of before in force and becomes a problem. */
  set(location: string, text: string): void {
    if (this.#texts.get(location) === text) return;
    this.#texts.set(location, text);
    const origin = { source: this.#source, location, nodeName: this.#options.nodeName };
    const content = readManifest(text, origin, this.#options.rules);
    const problems = [...content.problems, ...this.#foreignUids(location, content.pods)];
    this.#report(location, problems);
    if (content.warnings.length > 0) this.warnings.emit(content.warnings);
    if (problems.length > 0) return;
    const pods = new Map(content.pods.map((pod) => [pod.metadata.uid, this.#stamp(pod)]));
    const objects = new Map(content.objects.map((object) => [objectKey(object), object]));
    this.#replace(location, { pods, objects });
  }

  /** True if this is the manifest's text already. */
  holds(location: string, text: string): boolean {
    return this.#texts.get(location) === text;
  }

  /** A manifest cannot be read at all: the version of before stays. */
  fail(location: string, sentence: string): void {
    this.#texts.delete(location);
    this.#report(location, [{ file: location, sentence: `${location}: ${sentence}` }]);
  }

  /** A manifest is gone, and its Pods with it. */
  remove(location: string): void {
    this.#texts.delete(location);
    this.#report(location, []);
    this.#replace(location, EMPTY);
    this.#entries.delete(location);
  }

  /** A Pod that waited for its UID to become free may be taken now. */
  #retryRefused(): void {
    for (const location of [...this.#problems.keys()]) {
      const text = this.#texts.get(location);
      this.#texts.delete(location);
      if (text !== undefined) this.set(location, text);
    }
  }

  #foreignUids(location: string, pods: readonly StoredPod[]): ManifestProblem[] {
    return pods.flatMap(({ metadata }) => {
      const owner = this.#owners.get(metadata.uid);
      if (owner === undefined || owner === location) return [];
      return [
        { file: location, sentence: `${location}: the UID ${metadata.uid} is already used by a Pod of ${owner}` },
      ];
    });
  }

  /** The time at which this Pod was first seen stays with its UID. */
  #stamp(pod: StoredPod): StoredPod {
    const { uid } = pod.metadata;
    const seen = this.#seen.get(uid) ?? new Date(this.#clock.now().wall).toISOString();
    this.#seen.set(uid, seen);
    const annotations = { ...pod.metadata.annotations, [CONFIG_SEEN]: seen };
    return deepFreeze({ ...pod, metadata: { ...pod.metadata, annotations } });
  }

  #report(location: string, problems: readonly ManifestProblem[]): void {
    const text = (list: readonly ManifestProblem[] | undefined) => (list ?? []).map((p) => p.sentence).join('\n');
    if (text(this.#problems.get(location)) === text(problems)) return;
    if (problems.length === 0) this.#problems.delete(location);
    else this.#problems.set(location, problems);
    this.problemChanges.emit(this.problems());
  }

  #replace(location: string, entry: Entry): void {
    const before = this.#entries.get(location) ?? EMPTY;
    this.#entries.set(location, entry);
    // Objects first: a Pod that names one must find it. Removals before additions: they may share a name.
    for (const [key, object] of [...before.objects, ...entry.objects]) {
      const same = JSON.stringify(before.objects.get(key)) === JSON.stringify(entry.objects.get(key));
      if (!same && (entry.objects.get(key) ?? before.objects.get(key)) === object) this.objectChanges.emit(object);
    }
    const dropped = [...before.pods].filter(([uid]) => !entry.pods.has(uid));
    for (const [uid, pod] of dropped) this.#drop(uid, pod);
    for (const [uid, pod] of entry.pods) {
      if (JSON.stringify(before.pods.get(uid)) === JSON.stringify(pod)) continue;
      this.#pods.set(uid, pod);
      this.#owners.set(uid, location);
      this.changes.emit({ type: 'set', pod });
    }
    if (dropped.length > 0) this.#retryRefused();
  }

  #drop(uid: string, pod: StoredPod): void {
    this.#pods.delete(uid);
    this.#owners.delete(uid);
    this.#seen.delete(uid);
    this.changes.emit({ type: 'remove', pod });
  }
}

function objectKey({ kind, metadata }: LocalObject): string {
  return `${kind}/${metadata?.namespace}/${metadata?.name}`;
}
