import { goQuote } from '../k8s/goText.ts';
import { bounded } from '../lib/bounded.ts';
import type { Clock } from '../lib/clock.ts';
import { sleep } from '../lib/clock.ts';
import { errorMessage, isAbort } from '../lib/errors.ts';
import type { Container, LifecycleHandler, Pod } from '../types/k8s.ts';
import type { ExecSync } from './handlers/handler.ts';
import { get, getRequest } from './handlers/httpGet.ts';
import { invalidHandler } from './rules/hookText.ts';
import { HTTP_TO_HTTPS } from './rules/netText.ts';

/** An event about a hook. */
export interface HookEvent {
  readonly type: 'Warning';
  readonly reason: 'LifecycleHTTPFallback' | 'FailedPreStopHook';
  readonly message: string;
}

/** What hooks work with and whom they tell. */
export interface HookOptions {
  readonly cri: ExecSync;
  readonly clock: Clock;
  readonly onEvent: (uid: string, container: string, event: HookEvent) => void;
  /** kubelet_lifecycle_handler_http_fallbacks_total and kubelet_sleep_action_terminated_early_total. */
  readonly onMetric?: (metric: 'http_fallback' | 'sleep_terminated') => void;
}

/** Why a preStop hook is ended when its time is up. */
const GRACE_OVER = new Error('the grace period is over');

interface HookRun {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIP: string;
}

/** Runs lifecycle hooks of containers. */
export class HookRunner {
  readonly #options: HookOptions;

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Runs the postStart hook to its end, however long. Rejects with HookFailure; aborting ends it. */
  async postStart(
    pod: Pod,
    container: Container,
    containerId: string,
    podIP: string,
    signal: AbortSignal,
  ): Promise<void> {
    const handler = container.lifecycle?.postStart;
    if (handler) await this.#run(handler, { pod, container, containerId, podIP }, signal);
  }

  /**
   * Runs the preStop hook for at most `seconds`; running out of them is no failure. A command goes on by itself then, until its
   * container is stopped, and its failure becomes an event; a request or a sleep ends. Rejects as postStart does.
   */
  async preStop(
    pod: Pod,
    container: Container,
    containerId: string,
    podIP: string,
    seconds: number,
    signal: AbortSignal,
  ): Promise<void> {
    const handler = container.lifecycle?.preStop;
    if (!handler || seconds <= 0) return;
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let late = false;
    const hook = this.#run(handler, { pod, container, containerId, podIP }, stop.signal);
    hook.catch((error) => {
      if (late && error !== GRACE_OVER && !isAbort(error)) this.#lateFailure(pod, container);
    });
    const timer = Promise.withResolvers<void>();
    using _armed = this.#options.clock.setTimer(seconds * 1000, () => {
      late = true;
      if (!handler.exec) stop.abort(GRACE_OVER);
      timer.resolve();
    });
    try {
      await Promise.race([timer.promise, hook]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #lateFailure(pod: Pod, container: Container): void {
    const event: HookEvent = { type: 'Warning', reason: 'FailedPreStopHook', message: 'PreStopHook failed' };
    this.#options.onEvent(pod.metadata?.uid ?? '', container.name, event);
  }

  #run(handler: LifecycleHandler, run: HookRun, signal: AbortSignal): Promise<void> {
    if (handler.exec) return this.#exec(handler.exec.command ?? [], run, signal);
    if (handler.httpGet) return this.#http(handler.httpGet, run, signal);
    if (handler.sleep) return this.#sleep(handler.sleep.seconds, run, signal);
    return Promise.reject(new Error(`Cannot run handler: ${invalidHandler(handler)}`));
  }

  async #exec(command: readonly string[], run: HookRun, signal: AbortSignal): Promise<void> {
    const what = `Exec lifecycle hook ([${command.join(' ')}])`;
    try {
      const { exitCode, stdout, stderr } = await this.#options.cri.execSync(run.containerId, [...command], 0, {
        signal,
      });
      if (exitCode === 0) return;
      const output = Buffer.concat([stdout, stderr]).toString('utf8');
      throw failed(what, run, `command '${command.join(' ')}' exited with ${exitCode}`, output);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof HookFailure) throw error;
      throw failed(what, run, errorMessage(error));
    }
  }

  async #http(action: NonNullable<LifecycleHandler['httpGet']>, run: HookRun, signal: AbortSignal): Promise<void> {
    const what = `HTTP lifecycle hook (${action.path ?? ''})`;
    const request = getRequest(action, run.container, run.podIP, 'lifecycle');
    if ('problem' in request) throw failed(what, run, request.problem);
    const answer = await get(request, 0, this.#options.clock, signal);
    signal.throwIfAborted();
    // Any answer will do, whatever its status and however its body ends.
    if (!('problem' in answer) || answer.during === 'body') return;
    if (answer.problem.endsWith(HTTP_TO_HTTPS) && (await this.#plainHttp(action, run, signal))) return;
    throw failed(what, run, answer.problem);
  }

  /** The same request without TLS and without credentials, once. */
  async #plainHttp(
    action: NonNullable<LifecycleHandler['httpGet']>,
    run: HookRun,
    signal: AbortSignal,
  ): Promise<boolean> {
    const httpHeaders = action.httpHeaders?.filter(({ name }) => name.toLowerCase() !== 'authorization') ?? [];
    const request = getRequest({ ...action, scheme: 'HTTP', httpHeaders }, run.container, run.podIP, 'lifecycle');
    if ('problem' in request) return false;
    const answer = await get(request, 0, this.#options.clock, signal);
    signal.throwIfAborted();
    if ('problem' in answer && answer.during === 'headers') return false;
    this.#options.onMetric?.('http_fallback');
    this.#options.onEvent(run.pod.metadata?.uid ?? '', run.container.name, {
      type: 'Warning',
      reason: 'LifecycleHTTPFallback',
      message: `request to HTTPS lifecycle hook ${request.url.authority} got HTTP response, retry with HTTP succeeded`,
    });
    return true;
  }

  async #sleep(seconds: number, run: HookRun, signal: AbortSignal): Promise<void> {
    try {
      await sleep(this.#options.clock, seconds * 1000, signal);
    } catch {
      if (signal.reason !== GRACE_OVER) this.#options.onMetric?.('sleep_terminated');
      signal.throwIfAborted();
      throw failed(`Sleep lifecycle hook (${seconds})`, run, 'container terminated before sleep hook finished');
    }
  }
}

/**
 * A hook that ran and failed, in kubelet's words but for one thing: what the command printed is not in them, because it may hold secrets
 * and a message goes into logs, timelines and traces. It is `output`, the first 10 KiB of each stream.
 */
export class HookFailure extends Error {
  readonly output: string | undefined;

  constructor(message: string, output?: string) {
    super(bounded(message));
    this.output = output;
  }
}

function failed(what: string, { pod, container }: HookRun, problem: string, output?: string): HookFailure {
  const { name, namespace, uid } = pod.metadata ?? {};
  const where = `for Container ${goQuote(container.name)} in Pod "${name}_${namespace}(${uid})"`;
  return new HookFailure(`${what} ${where} failed - error: ${problem}`, output);
}
