import type { Cri } from '../cri/client.ts';
import type { Clock } from '../lib/clock.ts';
import type { HookRunner } from '../podworker/actions/services.ts';
import type { PodWorker } from '../podworker/worker.ts';
import type { PodWorkers } from '../podworker/workers.ts';
import type { EventSide } from './eventSide.ts';

/** Probes and hooks of all Pods. */
export class ProbeSide implements Disposable {
  readonly hooks: HookRunner;

  constructor(_cri: Cri, _clock: Clock, _events: EventSide) {
    this.hooks = { postStart: async () => {}, preStop: async () => {} };
  }

  follow(_worker: PodWorker): void {}

  forget(_uid: string): void {}

  onChange(_workers: () => PodWorkers): void {}

  [Symbol.dispose](): void {}
}
