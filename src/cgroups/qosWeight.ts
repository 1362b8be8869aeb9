import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodWorker } from '../podworker/worker.ts';
import type { Pod } from '../types/k8s.ts';
import type { CgroupManager } from './contract.ts';
import { burstableMilliCPU } from './rules/nodeConfig.ts';

/** Keeps the CPU weight of the Burstable cgroup at the sum of its Pods' requests: a Pod that comes or goes changes it. */
export class QosSide {
  readonly #cgroups: CgroupManager;
  readonly #log: Logger;
  readonly #pods = new Map<string, Pod>();

  constructor(cgroups: CgroupManager, log: Logger) {
    this.#cgroups = cgroups;
    this.#log = log;
  }

  /** Looks at a Pod after each of its decisions; cheap while nothing changed. */
  follow(worker: PodWorker): void {
    const { phase } = worker.memory;
    const pod = phase === 'Active' || phase === 'Terminating' ? worker.facts.pod : null;
    if (this.#pods.has(worker.uid) === (pod !== null)) return;
    if (pod) this.#pods.set(worker.uid, pod);
    else this.#pods.delete(worker.uid);
    this.#update();
  }

  forget(uid: string): void {
    if (this.#pods.delete(uid)) this.#update();
  }

  #update(): void {
    this.#cgroups
      .updateQos(burstableMilliCPU([...this.#pods.values()]))
      .catch((error) =>
        this.#log.warn('the weight of the Burstable cgroup could not be set', { error: errorMessage(error) }),
      );
  }
}
