import { constants } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Server, TlsOptions } from 'node:tls';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { watchDirectory } from '../../lib/watchDirectory.ts';
import { type ClientCa, parseBundle } from '../auth/clientCertificate.ts';
import { cipherList, groupList, minVersion } from './cipherSuites.ts';
import { readPair, type ServingFiles } from './servingFiles.ts';

/** The configuration's words on TLS. */
export interface TlsSettings {
  readonly tlsMinVersion: string;
  readonly tlsCipherSuites: readonly string[];
  readonly tlsCurvePreferences: readonly number[];
  readonly clientCAFile: string;
}

/** Writers of certificates touch several files; one reload is enough. */
const SETTLE_MS = 100;

/** The server's certificate and the CA of its clients, as their files are now. */
export class LiveTls implements Disposable {
  readonly #files: ServingFiles;
  readonly #settings: TlsSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #own = new DisposableStack();
  #server: Pick<Server, 'setSecureContext'> | undefined;
  #timer: Disposable | undefined;
  #reloading: Promise<void> = Promise.resolve();
  /** What the server serves with. */
  #loaded = '';
  #servedEpoch = 0;
  #caText: string | undefined;
  #ca: ClientCa = { epoch: 0, certificates: [] };
  #disposed = false;

  constructor(files: ServingFiles, settings: TlsSettings, clock: Clock, log: Logger) {
    this.#files = files;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** The CA of clients as its file is now. */
  get clientCa(): ClientCa {
    return this.#ca;
  }

  /** The epoch of the CA that handshakes which begin now are checked with; behind `clientCa` while that cannot be served with. */
  get servedEpoch(): number {
    return this.#servedEpoch;
  }

  /** Options of the first start. Rejects with one sentence when a file cannot be used. */
  async load(): Promise<TlsOptions> {
    const { context, loaded } = await this.#read();
    this.#served(loaded);
    return { ...context, requestCert: this.#settings.clientCAFile !== '', rejectUnauthorized: false };
  }

  /** From now on new connections of `server` follow the files. */
  follow(server: Pick<Server, 'setSecureContext'>): void {
    this.#server = server;
    const { certFile, keyFile } = this.#files;
    const files = [certFile, keyFile, this.#settings.clientCAFile].filter((file) => file !== '');
    const changed = () => this.#schedule();
    // Mounted files change by a swapped link elsewhere in the directory, so every name counts.
    for (const directory of new Set(files.map((file) => dirname(file)))) {
      const watch = watchDirectory(directory, changed, changed);
      if (watch) this.#own.use(watch);
    }
    if (this.#files.source) this.#own.use(this.#files.source.onChange(changed));
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#own.dispose();
  }

  #schedule(): void {
    if (this.#disposed || this.#timer) return;
    this.#timer = this.#clock.setTimer(SETTLE_MS, () => {
      this.#timer = undefined;
      // One after the other: files that were read earlier must not win.
      this.#reloading = this.#reloading.then(() => this.#reload());
    });
  }

  async #reload(): Promise<void> {
    try {
      const { context, loaded } = await this.#read();
      if (this.#disposed) return;
      const changed = loaded !== this.#loaded;
      if (changed) this.#server?.setSecureContext(context);
      this.#served(loaded);
      if (!changed) return;
      this.#log.info('the certificates of the server were read again', { certificate: this.#files.certFile });
    } catch (error) {
      this.#log.warn('changed certificates cannot be used; the old ones stay', { error: errorMessage(error) });
    }
  }

  #served(loaded: string): void {
    this.#loaded = loaded;
    this.#servedEpoch = this.#ca.epoch;
  }

  async #read(): Promise<{ context: TlsOptions; loaded: string }> {
    const { clientCAFile, tlsMinVersion, tlsCipherSuites, tlsCurvePreferences } = this.#settings;
    const { source } = this.#files;
    // First, and kept at once: a CA that was taken away is gone, whatever the serving certificate is like.
    const ca = clientCAFile === '' ? undefined : await this.#readCa(clientCAFile);
    // Until a requested certificate is issued, handshakes fail, as with kubelet: a self-signed one would be a lie.
    const pair = source ? (source.current() ?? { cert: undefined, key: undefined }) : await readPair(this.#files);
    const ciphers = cipherList(tlsCipherSuites);
    const groups = groupList(tlsCurvePreferences);
    const context = {
      ...(pair.cert === undefined ? {} : pair),
      minVersion: minVersion(tlsMinVersion),
      // A resumed session would carry the verdict on a client certificate past a change of the CA.
      secureOptions: constants.SSL_OP_NO_TICKET,
      ...(ca === undefined ? {} : { ca }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(groups === undefined ? {} : { ecdhCurve: groups }),
    };
    return { context, loaded: JSON.stringify([pair.cert, pair.key, ca]) };
  }

  async #readCa(file: string): Promise<string> {
    try {
      const pem = await readFile(file, 'utf8');
      const certificates = parseBundle(pem);
      if (pem !== this.#caText) this.#ca = { epoch: this.#ca.epoch + 1, certificates };
      this.#caText = pem;
      return pem;
    } catch (cause) {
      throw new KubeletError(`the client CA ${file} cannot be used: ${errorMessage(cause)}`, {
        code: 'ClientCA',
        cause,
      });
    }
  }
}
