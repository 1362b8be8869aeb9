import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { sendUnixDatagram } from '../../lib/linux/notifySocket.ts';
import type { Logger } from '../../lib/logger.ts';

/** What systemd tells a service in its environment. */
export interface NotifyEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/** systemd would kill a healthy kubelet that may report only about as often as this. */
const MINIMUM_MS = 1000;

/** The watchdog's time limit in milliseconds; undefined when there is none for this process. Throws when it makes no sense. */
export function watchdogMs(env: NotifyEnvironment, pid: number): number | undefined {
  if (!env.WATCHDOG_USEC || (env.WATCHDOG_PID && env.WATCHDOG_PID !== String(pid))) return undefined;
  const ms = Number(env.WATCHDOG_USEC) / 1000;
  if (Number.isFinite(ms) && ms > MINIMUM_MS) return ms;
  throw new KubeletError(`WatchdogSec is ${ms} ms and must be above ${MINIMUM_MS} ms: change the kubelet's unit`, {
    code: 'Watchdog',
  });
}

/**
 * Tells systemd that the kubelet has started (Type=notify), and while `healthy` says so, twice in each watchdog period that it lives.
 * Without systemd it does nothing. Disposing stops the watchdog messages.
 */
export class SystemdNotify implements Disposable {
  readonly #socket: string | undefined;
  readonly #periodMs: number | undefined;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #healthy: () => string | undefined;
  #timer: Disposable | undefined;

  /** `healthy` gives the reason why the process should be restarted, or undefined. Throws when the watchdog's limit makes no sense. */
  constructor(
    env: NotifyEnvironment,
    { clock, log, healthy }: { clock: Clock; log: Logger; healthy: () => string | undefined },
  ) {
    this.#socket = env.NOTIFY_SOCKET || undefined;
    const limit = watchdogMs(env, process.pid);
    this.#periodMs = limit === undefined ? undefined : limit / 2;
    this.#clock = clock;
    this.#log = log;
    this.#healthy = healthy;
  }

  /** READY=1, and from now on the watchdog's messages. */
  ready(): void {
    void this.#send(`READY=1\nMAINPID=${process.pid}`);
    if (this.#periodMs !== undefined && this.#socket !== undefined) this.#beat(this.#periodMs);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #beat(periodMs: number): void {
    const problem = this.#healthy();
    if (problem === undefined) void this.#send('WATCHDOG=1');
    else this.#log.error('systemd is not told that the kubelet lives, because it is not healthy', { problem });
    this.#timer = this.#clock.setTimer(periodMs, () => this.#beat(periodMs));
  }

  async #send(text: string): Promise<void> {
    if (this.#socket === undefined) return;
    try {
      await sendUnixDatagram(this.#socket, text);
    } catch (error) {
      this.#log.warn('systemd cannot be told', { message: text, error: errorMessage(error) });
    }
  }
}
