/**
 * Resolves when `holds` is true: it is asked now and whenever what `follow` listens to has news. Rejects with the signal's reason when that
 * aborts first.
 */
export function untilHolds(
  holds: () => boolean,
  follow: (look: () => void) => Disposable,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const own = new DisposableStack();
    const look = () => {
      if (!holds()) return;
      own.dispose();
      resolve();
    };
    const abort = () => {
      own.dispose();
      reject(signal.reason);
    };
    own.use(follow(look));
    signal.addEventListener('abort', abort, { once: true });
    own.defer(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    else look();
  });
}
