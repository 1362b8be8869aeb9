import { type buildConnector, Client, type Dispatcher, Pool } from 'undici';
import type { Clock } from '../lib/clock.ts';
import { ApiUnreachableError } from './apiError.ts';

/** One way to the server: with HTTP/2 a single connection of many streams, with HTTP/1.1 a pool of connections. */
export interface Channel {
  /** Takes one more request now. */
  readonly open: boolean;
  readonly active: number;
  request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData>;
  /** Says that the request's body was read or dropped. */
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
}

/** Below kube-apiserver's limit of 100 streams a connection (its default without --http2-max-streams-per-connection). */
const STREAMS = 90;
const MISSED_PINGS = 4;
/** Own timers bound each request; undici's would end quiet watches. */
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 } as const;
const IDLE_MS = 5 * 60_000;

abstract class BaseChannel<Wire extends Dispatcher> implements Channel {
  protected readonly wire: Wire;
  protected readonly onClosed: (channel: Channel) => void;
  active = 0;
  #retired = false;

  constructor(wire: Wire, onClosed: (channel: Channel) => void) {
    this.wire = wire;
    this.onClosed = onClosed;
  }

  get open(): boolean {
    return !this.#retired;
  }

  async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    this.active++;
    try {
      return await this.wire.request(options);
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
    void this.wire.destroy(error).catch(() => {});
  }
}

/**
 * One HTTP/2 connection. A ping each few seconds shows a connection that died silently (cable, firewall, frozen server):
 * TCP alone would keep a quiet watch hanging for ever. Unanswered pings are counted, not timed, so that a stalled event loop
 * or a suspended machine does not condemn a healthy connection.
 */
export class H2Channel extends BaseChannel<Client> {
  #missed = 0;
  #ready = false;
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
    client.on('connect', () => {
      this.#missed = 0;
      this.#watchPings();
    });
    client.on('disconnect', () => this.#timer?.[Symbol.dispose]());
    (client as unknown as NodeJS.EventEmitter).on('ping', () => {
      this.#missed = 0;
    });
  }

  override get open(): boolean {
    // A server with a lower stream limit than ours shows by requests that stay queued on a standing connection.
    const full = this.active >= STREAMS || (this.#ready && this.wire.stats.pending > 0);
    return super.open && !full;
  }

  override async request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    const response = await super.request(options);
    this.#ready = true;
    return response;
  }

  override retire(): void {
    super.retire();
    if (this.active === 0) this.#timer?.[Symbol.dispose]();
  }

  override kill(error: Error): void {
    this.#timer?.[Symbol.dispose]();
    super.kill(error);
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
