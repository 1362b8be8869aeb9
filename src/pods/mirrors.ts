import { isMirrorCurrent, podFullName } from '../api/manifests/mirror.ts';
import type { Pod, StoredPod } from '../types/k8s.ts';

/** The mirror Pods that the API server shows on this node, by full name. They have no worker: their static Pod's has them. */
export class Mirrors {
  readonly #mirrors = new Map<string, StoredPod>();

  set(pod: StoredPod): void {
    this.#mirrors.set(podFullName(pod), pod);
  }

  /** Forgets a mirror; a newer one of the same name stays. */
  remove(pod: StoredPod): void {
    const known = this.#mirrors.get(podFullName(pod));
    if (known?.metadata.uid === pod.metadata.uid) this.#mirrors.delete(podFullName(pod));
  }

  of(pod: Pod): StoredPod | undefined {
    return this.#mirrors.get(podFullName(pod));
  }

  all(): StoredPod[] {
    return [...this.#mirrors.values()];
  }

  /** Whether the API server shows the static Pod as it is. */
  state(pod: Pod): { readonly state: 'current' | 'stale' | 'absent' } {
    const mirror = this.of(pod);
    if (!mirror) return { state: 'absent' };
    return { state: isMirrorCurrent(mirror, pod as StoredPod) ? 'current' : 'stale' };
  }
}
