import type { ToldProgress } from '../../timeline/pullProgressText.ts';
import type { PullProgress } from '../types.ts';

/** A pull's progress in the form in which Pods' facts, reasons and sentences have it. */
export function toldProgress(progress: PullProgress | undefined): ToldProgress {
  if (!progress) return {};
  const { offset, total, bytesPerSecond, idleMs, present, of } = progress;
  return {
    ...{ doneBytes: offset, totalBytes: total },
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(present === undefined || of === undefined ? {} : { layers: [present, of] as const }),
  };
}
