import { type FSWatcher, watch } from 'node:fs';
import { disposable } from '../../lib/disposables.ts';

/**
 * Calls `onEvent` when the kernel counts an event in a cgroup's memory.events (cgroup v2): the cgroup came to its limit. One that cannot
 * be watched, or goes away, is no error: the node is looked at in any case.
 */
export function watchMemoryEvents(file: string, onEvent: () => void): Disposable {
  let watcher: FSWatcher;
  try {
    watcher = watch(file, { persistent: false });
  } catch {
    return disposable(() => {});
  }
  watcher.on('change', onEvent);
  watcher.on('error', () => watcher.close());
  return disposable(() => watcher.close());
}
