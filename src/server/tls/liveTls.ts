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
  #loaded = '';
  #ca: ClientCa = { epoch: 0, certificates: [] };
  #disposed = false;

  constructor(files: ServingFiles, settings: TlsSettings, clock: Clock, log: Logger) {
    this.#files = files;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** The CA of clients; its epoch tells connections of before a reload from later ones. */
  get clientCa(): ClientCa {
    return this.#ca;
  }

  /** Options of the first start. Rejects with one sentence when a file cannot be used. */
  async load(): Promise<TlsOptions> {
    const context = await this.#read();
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
      void this.#reload();
    });
  }

  async #reload(): Promise<void> {
    const before = this.#loaded;
    try {
      const context = await this.#read();
      if (this.#disposed || this.#loaded === before) return;
      this.#server?.setSecureContext(context);
      this.#log.info('the certificates of the server were read again', { certificate: this.#files.certFile });
    } catch (error) {
      this.#log.warn('changed certificates cannot be used; the old ones stay', { error: errorMessage(error) });
    }
  }

  async #read(): Promise<TlsOptions> {
    const { clientCAFile, tlsMinVersion, tlsCipherSuites, tlsCurvePreferences } = this.#settings;
    const { source } = this.#files;
    // Until a requested certificate is issued, handshakes fail, as with kubelet: a self-signed one would be a lie.
    const pair = source ? (source.current() ?? { cert: undefined, key: undefined }) : await readPair(this.#files);
    const ca = clientCAFile === '' ? undefined : await this.#readCa(clientCAFile);
    const ciphers = cipherList(tlsCipherSuites);
    const groups = groupList(tlsCurvePreferences);
    const loaded = JSON.stringify([pair.cert, pair.key, ca]);
    if (loaded !== this.#loaded) {
      this.#loaded = loaded;
      this.#ca = { epoch: this.#ca.epoch + 1, certificates: ca === undefined ? [] : parseBundle(ca) };
    }
    return {
      ...(pair.cert === undefined ? {} : pair),
      minVersion: minVersion(tlsMinVersion),
      // A resumed session would carry the verdict on a client certificate past a change of the CA.
      secureOptions: constants.SSL_OP_NO_TICKET,
      ...(ca === undefined ? {} : { ca }),
      ...(ciphers === undefined ? {} : { ciphers }),
      ...(groups === undefined ? {} : { ecdhCurve: groups }),
    };
  }

  async #readCa(file: string): Promise<string> {
    try {
      const pem = await readFile(file, 'utf8');
      parseBundle(pem);
      return pem;
    } catch (cause) {
      throw new KubeletError(`the client CA ${file} cannot be used: ${errorMessage(cause)}`, {
        code: 'ClientCA',
        cause,
      });
    }
  }
}
