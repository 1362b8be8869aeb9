import { type buildConnector, Client, type Dispatcher, Pool } from 'undici';
import type { Clock } from '../lib/clock.ts';
import { ApiUnreachableError } from './apiError.ts';

/** One way to the server: with HTTP/2 a single connection of many streams, with HTTP/1.1 a pool of connections. */
export interface Channel {
  /** Takes one more request now. */
  readonly open: boolean;
  readonly active: number;
  /** Takes a place for one request; each needs one before it is sent. */
  reserve(): void;
  /** Sends a request; a failure frees its place. */
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  /** Frees the place of a request that was not sent, or whose body was read or dropped. */
  release(): void;
  /** Takes no new requests and closes after the last one. */
  retire(): void;
  /** Fails what runs, at once. */
  kill(error: Error): void;
}

export interface ChannelOptions {
  readonly origin: string;
  readonly connect: buildConnector.connector;
  readonly clock: Clock;
  /** A connection is dead after four of these without an answer to a ping. */
  readonly pingIntervalMs: number;
  readonly onClosed: (channel: Channel) => void;
  /** Requests that one HTTP/2 connection takes; known to be lower once a server has shown it. */
  readonly streams: number;
  readonly onStreamLimit: (streams: number) => void;
}

/** A request was queued on a connection whose server takes no more streams, and was not sent: ask for another channel. */
export const MOVED = new Error('the connection takes no more streams');

/** Below kube-apiserver's limit of 100 streams a connection (its default without --http2-max-streams-per-connection). */
export const STREAMS = 90;
const MISSED_PINGS = 4;
/** Ping intervals that streams may outlive their connection's GOAWAY. */
const DRAIN_INTERVALS = 3;
/** Own timers bound each request; undici's would end quiet watches. */
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 } as const;
const IDLE_MS = 5 * 60_000;

abstract class BaseChannel<Wire extends Dispatcher> implements Channel {
  protected readonly wire: Wire;
  protected readonly onClosed: (channel: Channel) => void;
  active = 0;
  #retired = false;
  readonly #bodies = new Set<Dispatcher.ResponseData['body']>();
  readonly #heads = new Set<(error: unknown) => void>();

  constructor(wire: Wire, onClosed: (channel: Channel) => void) {
    this.wire = wire;
    this.onClosed = onClosed;
  }

  get open(): boolean {
    return !this.#retired;
  }

  reserve(): void {
    this.active++;
  }

  async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    try {
      const response = await this.#head(options, options.signal as AbortSignal | null | undefined);
      this.#bodies.add(response.body);
      response.body.once('close', () => this.#bodies.delete(response.body));
      return response;
    } catch (error) {
      this.release();
      throw error;
    }
  }

  release(): void {
    this.active--;
    if (this.#retired && this.active === 0) void this.wire.close().catch(() => {});
  }

  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.onClosed(this);
    if (this.active === 0) void this.wire.close().catch(() => {});
  }

  kill(error: Error): void {
    if (!this.#retired) {
      this.#retired = true;
      this.onClosed(this);
    }
    // undici does not end what runs on a connection that it has let go after a GOAWAY.
    for (const reject of this.#heads) reject(error);
    for (const body of this.#bodies) body.destroy(error);
    void this.wire.destroy(error).catch(() => {});
  }

  /**
   * The head of the answer. undici looks at the signal of a queued request only when its turn comes; a caller whose time is up must
   * not wait for that. An answer that comes all the same is thrown away.
   */
  #head(options: Dispatcher.RequestOptions, signal: AbortSignal | null | undefined): Promise<Dispatcher.ResponseData> {
    const { promise, resolve, reject } = Promise.withResolvers<Dispatcher.ResponseData>();
    let late = false;
    const giveUp = (error: unknown) => {
      late = true;
      reject(error);
    };
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    this.#heads.add(giveUp);
    this.wire
      .request(options)
      .then((response) => {
        if (late) response.body.on('error', () => {}).destroy();
        resolve(response);
      }, reject)
      .finally(() => {
        signal?.removeEventListener('abort', onAbort);
        this.#heads.delete(giveUp);
      });
    return promise;
  }
}

/**
 * One HTTP/2 connection. A ping each few seconds shows a connection that died silently (cable, firewall, frozen server):
 * TCP alone would keep a quiet watch hanging for ever. Unanswered pings are counted, not timed, so that a stalled event loop
 * or a suspended machine does not condemn a healthy connection.
 */
export class H2Channel extends BaseChannel<Client> {
  #missed = 0;
  /** An answer came, so undici knows the server's settings and has sent all that they allow. */
  #ready = false;
  #draining = false;
  #streams: number;
  readonly #waiting = new Set<AbortController>();
  #timer: Disposable | undefined;
  readonly #options: ChannelOptions;

  constructor(options: ChannelOptions) {
    const client = new Client(options.origin, {
      ...NO_TIMEOUTS,
      connect: options.connect,
      allowH2: true,
      h2Options: { maxConcurrentStreams: STREAMS + 10, pingInterval: options.pingIntervalMs },
      // The default of one request would make HTTP/2 as serial as HTTP/1.1 until the connection stands.
      pipelining: STREAMS + 10,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
    });
    super(client, options.onClosed);
    this.#options = options;
    this.#streams = options.streams;
    client.on('connect', () => {
      this.#missed = 0;
      // undici may connect anew to repeat what a GOAWAY refused; the pings of that connection say nothing about the old streams.
      if (!this.#draining) this.#watchPings();
    });
    client.on('disconnect', () => this.#drain());
    (client as unknown as NodeJS.EventEmitter).on('ping', () => {
      this.#missed = 0;
    });
  }

  override get open(): boolean {
    const full = this.active >= this.#streams || (this.#ready && this.wire.stats.pending > 0);
    return super.open && !full;
  }

  /** Rejects with MOVED if the request has to go elsewhere. */
  override async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    if (this.#ready) return super.request(options);
    const mover = new AbortController();
    this.#waiting.add(mover);
    const outer = options.signal as AbortSignal | null | undefined;
    try {
      const signal = outer ? AbortSignal.any([outer, mover.signal]) : mover.signal;
      const response = await super.request({ ...options, signal });
      this.#waiting.delete(mover);
      this.#becomeReady();
      return response;
    } catch (error) {
      throw mover.signal.aborted && !outer?.aborted ? MOVED : error;
    } finally {
      this.#waiting.delete(mover);
    }
  }

  /**
   * undici queues what is over the server's stream limit until a stream ends, which for watches takes minutes. It does not tell
   * the limit, but with the first answer the queue shows it: the youngest requests are the queued ones.
   */
  #becomeReady(): void {
    if (this.#ready) return;
    this.#ready = true;
    const { pending, running } = this.wire.stats;
    if (pending === 0) return;
    this.#streams = Math.max(running, 1);
    this.#options.onStreamLimit(this.#streams);
    for (const mover of [...this.#waiting].slice(-pending)) mover.abort(MOVED);
  }

  override release(): void {
    super.release();
    this.#stopTimerWhenDone();
  }

  override retire(): void {
    super.retire();
    this.#stopTimerWhenDone();
  }

  #stopTimerWhenDone(): void {
    if (!super.open && this.active === 0) this.#timer?.[Symbol.dispose]();
  }

  override kill(error: Error): void {
    this.#timer?.[Symbol.dispose]();
    super.kill(error);
  }

  /**
   * The connection is gone, or the server wants it gone (GOAWAY: it shuts down or balances load). In the second case streams go on,
   * but undici pings no more, so they may do so for a short time only: a watch continues elsewhere without loss.
   */
  #drain(): void {
    this.#draining = true;
    this.retire();
    if (this.active === 0) return;
    this.#timer?.[Symbol.dispose]();
    const { clock, pingIntervalMs } = this.#options;
    this.#timer = clock.setTimer(DRAIN_INTERVALS * pingIntervalMs, () => {
      this.kill(new ApiUnreachableError('the API server asked to leave the connection', 'ApiUnreachable'));
    });
  }

  #watchPings(): void {
    this.#timer?.[Symbol.dispose]();
    const { clock, pingIntervalMs } = this.#options;
    this.#timer = clock.setTimer(pingIntervalMs, () => {
      this.#missed++;
      if (this.#missed <= MISSED_PINGS) return this.#watchPings();
      const seconds = Math.round((this.#missed * pingIntervalMs) / 1000);
      this.kill(new ApiUnreachableError(`the API server answered no HTTP/2 ping for ${seconds} s`, 'ApiUnreachable'));
    });
  }
}

/**
 * HTTP/1.1 connections, one a request; used for plain http and for servers without HTTP/2. The kernel's keep-alive probes
 * (first after 15 s of silence, libuv then sends ten, a second apart) notice a dead peer within 25 s, though not a frozen one.
 */
export class H1Channel extends BaseChannel<Pool> {
  constructor(options: ChannelOptions, connections: number | null) {
    const pool = new Pool(options.origin, {
      ...NO_TIMEOUTS,
      connect: options.connect,
      allowH2: false,
      connections,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: IDLE_MS,
    });
    super(pool, options.onClosed);
  }
}
