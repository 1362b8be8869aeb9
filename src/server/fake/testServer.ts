import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { TestAuthority } from '../../api/fake/certificates.ts';
import { Metrics } from '../../k8s/metrics/metrics.ts';
import { type KubeletServer, type KubeletServerOptions, startKubeletServer } from '../kubeletServer.ts';
import { FakeHost } from './fakeHost.ts';

export const authority = new TestAuthority();
export const identity = authority.issue('alice', ['devs', 'ops']);
export let dir: string;
export let host: FakeHost;
export let server: KubeletServer;

/** Makes a directory for each test, and ends its server. */
export function eachOnItsOwn(): void {
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'server-'));
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });
}

/** Starts the server with a client CA and webhook tokens. */
export async function start(config: object = {}, more: Partial<KubeletServerOptions> = {}): Promise<void> {
  writeFileSync(join(dir, 'ca.crt'), authority.ca);
  const authentication = {
    x509: { clientCAFile: join(dir, 'ca.crt') },
    webhook: { enabled: true, cacheTTL: 1 },
    anonymous: { enabled: false },
  };
  host = new FakeHost({ address: '127.0.0.1', port: 0, authentication, ...config } as never);
  const serving = { tlsCertFile: '', tlsPrivateKeyFile: '', certDir: dir, nodeName: 'node', addresses: ['127.0.0.1'] };
  server = await startKubeletServer({ host, metrics: new Metrics(), serving, ...more });
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** One request on a connection of its own. */
export function ask(path: string, options: RequestOptions & { body?: string } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const own = { host: '127.0.0.1', port: server.secure.port, path, rejectUnauthorized: false, agent: false };
    const outgoing = httpsRequest({ ...own, ...rest }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += String(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text, headers: response.headers }));
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
export const token = async (text: string) => (text === 'good' ? { name: 'bob', groups: ['g'] } : undefined);
/** A TLS connection to the server. */
export function openTls(options: object = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const own = { host: '127.0.0.1', port: server.secure.port, rejectUnauthorized: false };
    const socket = connectTls({ ...own, ...options }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends and reads until `end` (default: the end of a body of known length or of the connection) was received. */
export function exchange(socket: TLSSocket, text: string, end?: string): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const done = () => {
      socket.off('data', read);
      resolve(got);
    };
    const read = (chunk: Buffer) => {
      got += chunk.toString('latin1');
      const length = /content-length: (\d+)/i.exec(got)?.[1];
      const body = got.slice(got.indexOf('\r\n\r\n') + 4);
      if (end === undefined ? length !== undefined && body.length >= Number(length) : got.includes(end)) done();
    };
    socket.on('data', read);
    socket.once('end', done);
    socket.write(text);
  });
}

/** A port that nobody uses. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
