import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Pool } from 'undici';
import type { Cluster } from '../../hack/cluster/state.ts';
import type { KubeObject } from '../../src/types/k8s.ts';

/** The API server refused; `status` and `reason` are its words. */
export class ApiRefusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(request: string, status: number, reason: string, message: string) {
    super(`${request}: ${status} ${reason}: ${message}`);
    this.status = status;
    this.reason = reason;
  }
}

export type JsonObject = Record<string, unknown>;

/** A change as a watch tells it. */
export interface Change<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** The administrator's client of a cluster's API server. Times out after 30 s; nothing is tried twice. */
export class Api implements AsyncDisposable {
  readonly #pool: Pool;

  constructor(cluster: Cluster) {
    const pki = (file: string): Buffer => readFileSync(path.join(cluster.layout.pki, file));
    this.#pool = new Pool(`https://127.0.0.1:${cluster.state.apiPort}`, {
      connections: 48,
      headersTimeout: 30_000,
      connect: { ca: pki('ca.crt'), cert: pki('admin.crt'), key: pki('admin.key'), timeout: 30_000 },
    });
  }

  async #send(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', url: string, body?: object, type?: string) {
    const { statusCode, body: stream } = await this.#pool.request({
      method,
      path: url,
      bodyTimeout: 30_000,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': type ?? 'application/json' } }),
    });
    const text = await stream.text();
    if (statusCode < 300) return JSON.parse(text) as unknown;
    const { reason = '', message = text.slice(0, 300) } = text.startsWith('{') ? JSON.parse(text) : {};
    throw new ApiRefusal(`${method} ${url}`, statusCode, reason, message);
  }

  async get<T = JsonObject>(url: string): Promise<T> {
    return (await this.#send('GET', url)) as T;
  }

  /** Undefined when there is no such object. */
  async find<T = JsonObject>(url: string): Promise<T | undefined> {
    try {
      return await this.get<T>(url);
    } catch (error) {
      if (error instanceof ApiRefusal && error.status === 404) return undefined;
      throw error;
    }
  }

  async list<T = JsonObject>(url: string): Promise<T[]> {
    return (await this.get<{ items: T[] }>(url)).items;
  }

  async create<T = JsonObject>(url: string, object: object): Promise<T> {
    return (await this.#send('POST', url, object)) as T;
  }

  /** A merge patch. */
  async patch<T = JsonObject>(url: string, change: object): Promise<T> {
    return (await this.#send('PATCH', url, change, 'application/merge-patch+json')) as T;
  }

  /** Nothing happens when the object is not there. */
  async remove(url: string, options: object = {}): Promise<void> {
    try {
      await this.#send('DELETE', url, options);
    } catch (error) {
      if (!(error instanceof ApiRefusal && error.status === 404)) throw error;
    }
  }

  /** Changes of a collection from a resource version on, until the server ends the stream, it breaks, or `signal` says so. */
  async *watch<T extends KubeObject>(url: string, from: string, signal: AbortSignal): AsyncGenerator<Change<T>> {
    const query = `${url.includes('?') ? '&' : '?'}watch=true&allowWatchBookmarks=true&resourceVersion=${from}`;
    const { statusCode, body } = await this.#pool.request({
      method: 'GET',
      path: `${url}${query}`,
      bodyTimeout: 0,
      signal,
    });
    if (statusCode !== 200) throw new ApiRefusal(`watch ${url}`, statusCode, '', (await body.text()).slice(0, 300));
    let rest = '';
    body.setEncoding('utf8');
    for await (const chunk of body) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line) yield JSON.parse(line) as Change<T>;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }
}
