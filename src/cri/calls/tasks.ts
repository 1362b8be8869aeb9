// What a runtime call that was cut off can leave in containerd below its CRI part (other runtimes do not have the service).
import type { CriCallOptions, TasksCaller } from '../callers.ts';

/** Calls about containerd's own record of a container's process. */
export interface TaskCalls {
  /**
   * Forgets the task of a container that does not run. FailedPrecondition while its process runs; NotFound when there is none;
   * Unimplemented on runtimes other than containerd.
   */
  deleteTask(containerId: string, options?: CriCallOptions): Promise<void>;
}

export function taskCalls(caller: TasksCaller): TaskCalls {
  return {
    async deleteTask(containerId, options) {
      await caller.unary('Delete', { containerId }, options);
    },
  };
}
