import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ConnectionConfig } from '../api/connection.ts';
import { type Clock, realClock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import { toError } from '../lib/errors.ts';
import { watchDirectory } from '../lib/watchDirectory.ts';
import { type KubeconfigContent, readKubeconfig } from './kubeconfig.ts';
import { type ExecCredential, runExecPlugin } from './kubeconfigExec.ts';

/** A kubeconfig that follows its files. */
export interface KubeconfigSource extends Disposable {
  current(): ConnectionConfig;
  /** Called after the content changed (not for a new token: `tokenProvider` gives that). */
  onChange(listener: (credentials: ConnectionConfig) => void): Disposable;
  /** Called when a changed file cannot be used: the credentials of before stay in force. */
  onProblem(listener: (error: Error) => void): Disposable;
}

/** The bearer token of now; `refresh` (after a 401) asks its source again. */
type TokenProvider = (refresh?: boolean) => Promise<string | undefined>;

/** Writers of certificates touch several files; one reload is enough. */
const SETTLE_MS = 100;
/** How long a token read from a file or given without an expiry is used. client-go reads its file once a minute. */
const TOKEN_MS = 60_000;
/** A token is asked for again this long before it expires. */
const LEEWAY_MS = 10_000;

/**
 * Reads a kubeconfig, runs its exec plugin once when it has one, and watches every file it refers to.
 * Throws KubeconfigError when the first read fails (code `KubeconfigMissing` when there is no file).
 */
export async function openKubeconfig(path: string, clock: Clock = realClock): Promise<KubeconfigSource> {
  const content = await readKubeconfig(path);
  const first = await resolveCredentials(content, clock);
  return new WatchedKubeconfig(path, clock, content, first);
}

class WatchedKubeconfig implements KubeconfigSource {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #changes = new Listeners<[ConnectionConfig]>();
  readonly #problems = new Listeners<[Error]>();
  #content: KubeconfigContent;
  #current: Resolved;
  #watches: Disposable[] = [];
  #timer: Disposable | undefined;
  #expiry: Disposable | undefined;
  #live = true;

  constructor(path: string, clock: Clock, content: KubeconfigContent, current: Resolved) {
    this.#path = path;
    this.#clock = clock;
    this.#content = content;
    this.#current = current;
    this.#watch();
    this.#armExpiry();
  }

  current(): ConnectionConfig {
    return this.#current.credentials;
  }

  onChange(listener: (credentials: ConnectionConfig) => void): Disposable {
    return this.#changes.add(listener);
  }

  onProblem(listener: (error: Error) => void): Disposable {
    return this.#problems.add(listener);
  }

  [Symbol.dispose](): void {
    this.#live = false;
    this.#timer?.[Symbol.dispose]();
    this.#expiry?.[Symbol.dispose]();
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }

  #watch(): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
    const directories = new Set(this.#content.files.map((file) => dirname(file)));
    // Any name counts: a rotated certificate changes a link whose target has another name.
    const changed = () => this.#schedule();
    this.#watches = [...directories].flatMap((directory) => watchDirectory(directory, changed, changed) ?? []);
  }

  #schedule(): void {
    if (!this.#live || this.#timer) return;
    this.#timer = this.#clock.setTimer(SETTLE_MS, () => {
      this.#timer = undefined;
      void this.#reload(false);
    });
  }

  async #reload(force: boolean): Promise<void> {
    try {
      const content = await readKubeconfig(this.#path);
      this.#rewatchIfNeeded(content);
      if (!force && JSON.stringify(content) === JSON.stringify(this.#content)) return;
      const current = await resolveCredentials(content, this.#clock);
      if (!this.#live) return;
      this.#content = content;
      this.#current = current;
      this.#armExpiry();
      this.#changes.emit(current.credentials);
    } catch (error) {
      if (this.#live) this.#problems.emit(toError(error));
    }
  }

  #rewatchIfNeeded(content: KubeconfigContent): void {
    if (!this.#live) return;
    const before = this.#content.files.join('\0');
    this.#content = { ...this.#content, files: content.files };
    if (content.files.join('\0') !== before || this.#watches.length === 0) this.#watch();
  }

  /** A client certificate of an exec plugin expires: ask again in time. */
  #armExpiry(): void {
    this.#expiry?.[Symbol.dispose]();
    const { certExpiresAt } = this.#current;
    if (certExpiresAt === undefined) return;
    const wait = Math.max(1000, certExpiresAt - LEEWAY_MS - this.#clock.now().wall);
    this.#expiry = this.#clock.setTimer(wait, () => void this.#reload(true).then(() => this.#armExpiry()));
  }
}

interface Resolved {
  readonly credentials: ConnectionConfig;
  /** Wall time at which a plugin's client certificate expires. */
  readonly certExpiresAt?: number;
}

async function resolveCredentials(content: KubeconfigContent, clock: Clock): Promise<Resolved> {
  const { server, ca, insecureSkipTlsVerify, tlsServerName, exec } = content;
  const cluster = { server, insecureSkipTlsVerify, ...(ca && { ca }), ...(tlsServerName && { tlsServerName }) };
  const { insecureSkipTlsVerify: insecureSkipVerify, ...rest } = cluster;
  const base = { ...rest, insecureSkipVerify };
  if (!exec) {
    const tokenProvider = plainToken(content, clock);
    const pair = content.cert && content.key ? { cert: content.cert, key: content.key } : {};
    return { credentials: { ...base, ...pair, ...(tokenProvider && { tokenProvider }) } };
  }
  const first = await runExecPlugin(exec, cluster);
  const pair = first.cert && first.key ? { cert: first.cert, key: first.key } : {};
  const tokenProvider = first.token ? cached(clock, () => runExecPlugin(exec, cluster), first) : undefined;
  return {
    credentials: { ...base, ...pair, ...(tokenProvider && { tokenProvider }) },
    ...(first.cert && first.expiresAt !== undefined && { certExpiresAt: first.expiresAt }),
  };
}

function plainToken(content: KubeconfigContent, clock: Clock): TokenProvider | undefined {
  const { token, tokenFile } = content;
  if (tokenFile === undefined) return token === undefined ? undefined : async () => token;
  return cached(clock, async () => {
    const text = (await readFile(tokenFile, 'utf8')).trim();
    return { ...(text && { token: text }), expiresAt: clock.now().wall + TOKEN_MS + LEEWAY_MS };
  });
}

/** One fetch at a time; its answer serves until shortly before it expires. A failed fetch serves the last token while that is valid. */
function cached(clock: Clock, fetch: () => Promise<ExecCredential>, first?: ExecCredential): TokenProvider {
  let last = first;
  let running: Promise<ExecCredential> | undefined;
  const expires = (credential: ExecCredential) => credential.expiresAt ?? Number.POSITIVE_INFINITY;
  return async (refresh = false) => {
    if (last && !refresh && expires(last) - LEEWAY_MS > clock.now().wall) return last.token;
    running ??= fetch().finally(() => {
      running = undefined;
    });
    try {
      last = await running;
    } catch (error) {
      if (!last || expires(last) <= clock.now().wall) throw error;
    }
    return last?.token;
  };
}
