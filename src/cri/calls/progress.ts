// How far image pulls have come, from containerd's content service (other runtimes do not have it).
import type { ContentCaller, CriCallOptions } from '../callers.ts';

/** One blob being fetched. `total` is 0 while unknown. */
export interface TransferProgress {
  /** containerd's name of the transfer, such as `layer-sha256:…`. */
  ref: string;
  offset: number;
  total: number;
  /** Wall ms: when it began, and when the last byte came. */
  startedAt?: number;
  updatedAt?: number;
}

/** One blob that is there, whole. */
export interface ContentBlob {
  digest: string;
  size: number;
  /** Wall ms. */
  updatedAt: number;
  labels: Readonly<Record<string, string>>;
}

/** Calls about transfers under way, and what has come; Unimplemented on runtimes other than containerd. */
export interface ProgressCalls {
  /** All transfers of the namespace CRI images live in. */
  listPullProgress(options?: CriCallOptions): Promise<TransferProgress[]>;
  /** Blobs that are there and match one of the filters, which are in containerd's syntax. */
  listContent(filters: readonly string[], options?: CriCallOptions): Promise<ContentBlob[]>;
  /** The first `size` bytes of a blob that has as many. */
  readContent(digest: string, size: number, options?: CriCallOptions): Promise<Buffer>;
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
    async listContent(filters, options) {
      const answers = await caller.collect('List', { filters: [...filters] }, options);
      return answers.flatMap(({ info }) =>
        info.map(({ digest, size, updatedAt, labels }) => ({
          ...{ digest, size: Number(size), labels },
          updatedAt: updatedAt ? wallOf(updatedAt) : 0,
        })),
      );
    },
    async readContent(digest, size, options) {
      const answers = await caller.collect('Read', { digest, offset: 0, size }, options);
      return Buffer.concat(answers.map(({ data }) => data));
    },
  };
}

const wallOf = ({ seconds, nanos }: { seconds: string; nanos: number }) => Number(seconds) * 1000 + nanos / 1e6;
