import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { Cri } from '../cri/client.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { quantityNumber } from '../lib/quantity.ts';
import type { PodWorker } from '../podworker/worker.ts';
import { LogRotation } from './logRotation.ts';

/** Rotation of the Pods' logs: follows which containers run. A negative containerLogMaxSize turns it off, as with kubelet. */
export class LogSide implements Disposable {
  readonly #rotation: LogRotation | undefined;

  constructor(config: KubeletConfiguration, cri: Cri, clock: Clock, logger: Logger) {
    const maxBytes = quantityNumber(config.containerLogMaxSize);
    if (maxBytes < 0) return;
    this.#rotation = new LogRotation({
      reopen: (id) => cri.reopenContainerLog(id),
      clock,
      logger,
      maxBytes,
      maxFiles: config.containerLogMaxFiles,
      maxWorkers: config.containerLogMaxWorkers,
      maxWaitMs: config.containerLogMonitorInterval,
    });
  }

  follow({ uid, facts }: PodWorker): void {
    const containers = facts.observation.pod?.containers ?? [];
    const running = containers.filter((c) => c.state === 'running' && c.logPath !== '');
    this.#rotation?.sync(
      uid,
      running.map((c) => ({ containerId: c.id, path: c.logPath })),
    );
  }

  forget(uid: string): void {
    this.#rotation?.forget(uid);
  }

  [Symbol.dispose](): void {
    this.#rotation?.[Symbol.dispose]();
  }
}
