// How far image pulls have come, from containerd's content service (other runtimes do not have it).
import type { ContentCaller, CriCallOptions } from '../callers.ts';

/** One blob being fetched. `total` is 0 while unknown. */
export interface PullProgress {
  /** containerd's name of the transfer, such as `layer-sha256:…`. */
  ref: string;
  offset: number;
  total: number;
  /** Wall ms: when it began, and when the last byte came. */
  startedAt?: number;
  updatedAt?: number;
}

/** Calls about transfers under way. */
export interface ProgressCalls {
  /** All transfers of the namespace CRI images live in; Unimplemented on runtimes other than containerd. */
  listPullProgress(options?: CriCallOptions): Promise<PullProgress[]>;
}

export function progressCalls(caller: ContentCaller): ProgressCalls {
  return {
    async listPullProgress(options) {
      const { statuses } = await caller.unary('ListStatuses', {}, options);
      return statuses.map(({ ref, offset, total, startedAt, updatedAt }) => ({
        ...{ ref, offset: Number(offset), total: Number(total) },
        ...(startedAt && { startedAt: wallOf(startedAt) }),
        ...(updatedAt && { updatedAt: wallOf(updatedAt) }),
      }));
    },
  };
}

const wallOf = ({ seconds, nanos }: { seconds: string; nanos: number }) => Number(seconds) * 1000 + nanos / 1e6;
