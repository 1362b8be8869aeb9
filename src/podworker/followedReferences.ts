import type { RecordedPod } from '../timeline/recorder.ts';
import type { Pod, StoredPod } from '../types/k8s.ts';
import { type ObjectSource, References, type VolumeNeed } from './references.ts';
import type { PodWorker } from './worker.ts';

/** The API objects that Pods refer to, followed for as long as each Pod's worker is open. */
export class FollowedReferences {
  readonly #objects: ObjectSource;
  readonly #volumeNeeds: (pod: StoredPod) => readonly VolumeNeed[];
  readonly #defect: (pod: RecordedPod, error: unknown) => void;
  readonly #open = new Map<string, References>();

  /** `defect` hears of what goes wrong for one Pod. */
  constructor(
    objects: ObjectSource,
    volumeNeeds: (pod: StoredPod) => readonly VolumeNeed[],
    defect: (pod: RecordedPod, error: unknown) => void,
  ) {
    this.#objects = objects;
    this.#volumeNeeds = volumeNeeds;
    this.#defect = defect;
  }

  /** News of the objects goes to the worker until the result is disposed of. */
  open(worker: PodWorker): Disposable {
    const own = new References(
      this.#objects,
      (update) => worker.learn(update),
      this.#volumeNeeds,
      (error) => this.#defect(worker, error),
    );
    this.#open.set(worker.uid, own);
    return {
      [Symbol.dispose]: () => {
        own[Symbol.dispose]();
        this.#open.delete(worker.uid);
      },
    };
  }

  /** A new version of the Pod may refer to other objects. Throws what its volumes throw. */
  follow(uid: string, pod: Pod): void {
    this.#open.get(uid)?.follow(pod);
  }
}
