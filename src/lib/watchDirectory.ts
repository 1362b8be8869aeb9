import { type FSWatcher, watch } from 'node:fs';
import { disposable } from './disposables.ts';

/** What the kernel said about a name in a directory: it came or went (`rename`), or its content or attributes changed. */
export type DirectoryEvent = 'rename' | 'change';

/**
 * Calls `onEvent` for each change in a directory (inotify, not recursive); the name is undefined when the kernel does not say.
 * `onLost` is called once when the watch ends by itself, for instance because the directory went away. Returns undefined when the
 * directory cannot be watched now. Events may be missed around the start and the end of a watch: read after both.
 */
export function watchDirectory(
  directory: string,
  onEvent: (event: DirectoryEvent, name: string | undefined) => void,
  onLost: () => void,
): Disposable | undefined {
  let watcher: FSWatcher;
  try {
    watcher = watch(directory, { persistent: false });
  } catch {
    return undefined;
  }
  let live = true;
  const end = () => {
    if (!live) return;
    live = false;
    watcher.close();
    onLost();
  };
  watcher.on('change', (event, name) => {
    if (live) onEvent(event as DirectoryEvent, name === null || name === undefined ? undefined : String(name));
  });
  watcher.on('error', end);
  watcher.on('close', end);
  return disposable(() => {
    live = false;
    watcher.close();
  });
}
