import { bounded } from '../lib/bounded.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Reason } from '../timeline/reasons.ts';
import type { RecordedPod, Recorder } from '../timeline/recorder.ts';

/** Defects of ours that meet single Pods: each is told of its Pod, and concerns no other one. */
export class PodDefects {
  readonly #recorder: Recorder;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(recorder: Recorder, clock: Clock, log: Logger) {
    this.#recorder = recorder;
    this.#clock = clock;
    this.#log = log;
  }

  /** Logs it, and says in the Pod's timeline what it waits for. */
  tell(pod: RecordedPod, error: unknown): void {
    const reason = { code: 'InternalError', message: bounded(errorMessage(error)) } as const;
    this.log(pod, [reason]);
    this.#recorder.stands(pod.uid, this.#clock.now(), [reason]);
  }

  /** Whoever follows a Pod may throw for it: that concerns neither the others that follow it nor any other Pod. */
  alone(pod: RecordedPod, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.tell(pod, error);
    }
  }

  /** Logs those of the reasons that are defects. */
  log({ uid, namespace, name }: RecordedPod, reasons: readonly Reason[]): void {
    for (const reason of reasons) {
      if (reason.code !== 'InternalError') continue;
      const pod = `${namespace}/${name}`;
      this.#log.error('The rules cannot handle this Pod; it is left as it is', {
        ...{ pod, podUID: uid, error: reason.message },
      });
    }
  }
}
