import { DBusClosedError, type DBusConnection } from '../dbus/connection.ts';

const JOB_REMOVED = { interface: 'org.freedesktop.systemd1.Manager', member: 'JobRemoved' } as const;

interface Waiting {
  readonly resolve: (result: string) => void;
  readonly reject: (error: Error) => void;
}

/** Tells how systemd's jobs ended. The signal of a job may come right behind the reply that names it, or before anybody waits. */
export class JobWatch {
  readonly #waiting = new Map<string, Waiting>();
  /** Jobs that ended while some call had not told its job yet. */
  readonly #early = new Map<string, string>();
  readonly #timeoutMs: number;
  #starting = 0;

  constructor(connection: DBusConnection, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    connection.onSignal((signal) => {
      if (signal.interface !== JOB_REMOVED.interface || signal.member !== JOB_REMOVED.member) return;
      const [, job, , result] = signal.body ?? [];
      this.#ended(String(job), String(result));
    });
    connection.onClose((error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  /** Calls `start`, which answers with a job's object path; resolves with the job's result: `done`, `failed`, `canceled` … */
  async run(start: () => Promise<string>): Promise<string> {
    let job: string;
    this.#starting++;
    try {
      job = await start();
      const result = this.#early.get(job);
      if (result !== undefined) return result;
    } finally {
      if (--this.#starting === 0) this.#early.clear();
    }
    return this.#wait(job);
  }

  #ended(job: string, result: string): void {
    const waiting = this.#waiting.get(job);
    if (waiting) waiting.resolve(result);
    else if (this.#starting > 0) this.#early.set(job, result);
  }

  async #wait(job: string): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        this.#waiting.set(job, { resolve, reject });
        timer = setTimeout(() => {
          reject(new DBusClosedError(`systemd did not end its job ${job} within ${this.#timeoutMs} ms`));
        }, this.#timeoutMs);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(job);
    }
  }
}
