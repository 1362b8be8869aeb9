import type { Clock } from '../../lib/clock.ts';

const SLICES = 8;
const SHORTEST_SLICE_MS = 25;

/**
 * Calls `expire` when `ms` have passed in which the event loop could deliver socket events. A stalled loop fires its timers late
 * and before it reads its sockets; answers that lie there unread must not become timeouts. So the time is counted in slices
 * that are charged as planned however late they fire, and sockets get one more turn at the end. Disposing cancels.
 */
export function deadline(clock: Clock, ms: number, expire: () => void): Disposable {
  const slice = Math.max(ms / SLICES, SHORTEST_SLICE_MS);
  let left = ms;
  let over = false;
  let timer: Disposable | undefined;
  const arm = () => {
    const step = Math.min(slice, left);
    timer = clock.setTimer(step, () => {
      left -= step;
      if (left > 0) arm();
      else lastTurn(2);
    });
  };
  const lastTurn = (turns: number) => {
    if (over) return;
    if (turns > 0) return void setImmediate(() => lastTurn(turns - 1));
    over = true;
    expire();
  };
  arm();
  return {
    [Symbol.dispose]() {
      over = true;
      timer?.[Symbol.dispose]();
    },
  };
}
