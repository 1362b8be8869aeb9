import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { Cri } from '../cri/client.ts';
import { quantityNumber } from '../k8s/quantity.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodTable } from '../pods/table.ts';
import { LogRotation } from './logRotation.ts';

export interface PodLogsOptions {
  readonly config: Pick<
    KubeletConfiguration,
    'containerLogMaxSize' | 'containerLogMaxFiles' | 'containerLogMaxWorkers' | 'containerLogMonitorInterval'
  >;
  readonly cri: Pick<Cri, 'reopenContainerLog'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly table: PodTable;
}

/** Rotates the Pods' logs: follows which containers run. A negative containerLogMaxSize turns it off, as with kubelet. */
export function rotatePodLogs({ config, cri, clock, log, table }: PodLogsOptions): Disposable {
  const stack = new DisposableStack();
  const maxBytes = quantityNumber(config.containerLogMaxSize);
  if (maxBytes < 0) return stack;
  const rotation = stack.use(
    new LogRotation({
      reopen: (id) => cri.reopenContainerLog(id),
      clock,
      logger: log,
      maxBytes,
      maxFiles: config.containerLogMaxFiles,
      maxWorkers: config.containerLogMaxWorkers,
      maxWaitMs: config.containerLogMonitorInterval,
    }),
  );
  stack.use(
    table.onDecided(({ uid, observed }) => {
      const running = (observed?.containers ?? []).filter((c) => c.state === 'running' && c.logPath !== '');
      rotation.sync(
        uid,
        running.map((c) => ({ containerId: c.id, path: c.logPath })),
      );
    }),
  );
  stack.use(table.onEnded((uid) => rotation.forget(uid)));
  return stack;
}
