// A program that treats the kubelet's port badly, run inside the cluster's network namespace:
// node hostileClients.ts '{"cert":…,"key":…,"namespace":…,"pod":…,"slow":true}'. It prints one JSON line for each try.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** What the program is told. */
export interface Orders {
  readonly host: string;
  readonly cert: string;
  readonly key: string;
  readonly namespace: string;
  readonly pod: string;
  /** Also what takes more than a minute. */
  readonly slow: boolean;
}

/** What it found; `problem` is absent when the server did well. */
export interface Finding {
  readonly name: string;
  readonly problem?: string;
}

const PORT = 10250;

class Hostile {
  readonly #orders: Orders;
  readonly #identity: { readonly cert: Buffer; readonly key: Buffer; readonly rejectUnauthorized: false };

  constructor(orders: Orders) {
    this.#orders = orders;
    this.#identity = { cert: readFileSync(orders.cert), key: readFileSync(orders.key), rejectUnauthorized: false };
  }

  /** Each try by name; a text is what went wrong. */
  readonly tries: Readonly<Record<string, () => Promise<string | undefined>>> = {
    'two MiB of headers end with 431 or the connection': () =>
      this.#raw(`GET /healthz HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(2 << 20)}\r\n\r\n`, /^(HTTP\/1\.1 431|$)/),
    'a request line of nothing is 400': () => this.#raw('nonsense\r\n\r\n', /^HTTP\/1\.1 400/),
    'a length that is no number is 400': () =>
      this.#raw('GET /pods HTTP/1.1\r\nhost: x\r\ncontent-length: ten\r\n\r\n', /^HTTP\/1\.1 400/),
    'two ways to say a length are 400': () =>
      this.#raw(
        'POST /run/a/b/c HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
        /^HTTP\/1\.1 400/,
      ),
    'a header with a bare newline is 400': () =>
      this.#raw('GET /pods HTTP/1.1\r\nhost: x\r\na: b\nc\x01: d\r\n\r\n', /^HTTP\/1\.1 400/),
    'plain HTTP on the port of TLS is answered with nothing of ours': () =>
      this.#plain(Buffer.from('GET /pods HTTP/1.1\r\nhost: x\r\n\r\n')),
    'noise instead of TLS is hung up on': () => this.#plain(randomBytes(4096)),
    '100 connections that say nothing are let go, and others are served meanwhile': () => this.#silent(),
    '100 followers that vanish': () => this.#vanish(100, () => this.#follower()),
    '30 execs whose clients vanish': () => this.#vanish(30, () => this.#exec()),
  };

  readonly slowTries: Readonly<Record<string, () => Promise<string | undefined>>> = {
    '20 requests that never end their headers are let go': () => this.#endless(),
  };

  async #open(): Promise<TLSSocket> {
    const socket = connectTls({ host: this.#orders.host, port: PORT, ...this.#identity });
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Sends a text; the beginning of the answer must match. */
  async #raw(text: string, wanted: RegExp): Promise<string | undefined> {
    const socket = await this.#open();
    let got = '';
    socket.on('data', (chunk) => {
      got += String(chunk);
    });
    const over = closed(socket, 30_000);
    socket.write(text);
    const ended = await Promise.race([over, untilTrue(() => got.includes('\r\n\r\n'), 30_000).then(() => true)]);
    socket.destroy();
    return ended && wanted.test(got) ? this.#healthy() : `answered ${JSON.stringify(got.slice(0, 100))}`;
  }

  async #plain(bytes: Buffer): Promise<string | undefined> {
    const socket = connect({ host: this.#orders.host, port: PORT });
    await once(socket, 'connect');
    let got = '';
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1');
    });
    socket.write(bytes);
    const ended = await closed(socket, 30_000);
    socket.destroy();
    if (!ended) return 'the connection stays open';
    return got.includes('HTTP/1.1 200') || got.includes('PodList') ? `answered ${got.slice(0, 100)}` : this.#healthy();
  }

  async #silent(): Promise<string | undefined> {
    const sockets = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = connect({ host: this.#orders.host, port: PORT });
        await once(socket, 'connect');
        return socket;
      }),
    );
    const meanwhile = await this.#healthy();
    const left = (await Promise.all(sockets.map((s) => closed(s, 60_000)))).filter((ended) => !ended).length;
    for (const socket of sockets) socket.destroy();
    return meanwhile ?? (left > 0 ? `${left} of them are still open` : undefined);
  }

  async #endless(): Promise<string | undefined> {
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = await this.#open();
        socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\na: ');
        return socket;
      }),
    );
    const drip = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write('a');
    }, 1000);
    const left = (await Promise.all(sockets.map((s) => closed(s, 180_000)))).filter((ended) => !ended).length;
    clearInterval(drip);
    for (const socket of sockets) socket.destroy();
    return left > 0 ? `${left} of them are still open` : this.#healthy();
  }

  async #vanish(count: number, open: () => Promise<Socket>): Promise<string | undefined> {
    const sockets = await Promise.all(Array.from({ length: count }, open));
    for (const socket of sockets) socket.destroy();
    return this.#healthy();
  }

  /** A follower that has got its first line. */
  async #follower(): Promise<Socket> {
    const { namespace, pod } = this.#orders;
    return this.#upgraded(
      `GET /containerLogs/${namespace}/${pod}/main?follow=true HTTP/1.1\r\nhost: x\r\n\r\n`,
      'tick',
    );
  }

  /** An exec session whose process has answered. */
  async #exec(): Promise<Socket> {
    const { namespace, pod } = this.#orders;
    const target = `/exec/${namespace}/${pod}/main?command=cat&input=1&output=1`;
    const key = randomBytes(16).toString('base64');
    const head = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}`;
    const protocol = 'sec-websocket-protocol: v4.channel.k8s.io';
    const request = `GET ${target} HTTP/1.1\r\nhost: x\r\n${head}\r\n${protocol}\r\n\r\n`;
    const socket = await this.#upgraded(request, ' 101 ');
    let got = '';
    socket.on('data', (chunk) => {
      got += String(chunk);
    });
    // One binary frame, masked with zeros: channel 0 is the process' input.
    socket.write(Buffer.from([0x82, 0x80 | 6, 0, 0, 0, 0, 0, ...Buffer.from('here\n')]));
    await untilTrue(() => got.includes('here'), 60_000);
    return socket;
  }

  async #upgraded(text: string, sign: string): Promise<Socket> {
    const socket = await this.#open();
    let got = '';
    socket.on('data', (chunk) => {
      got = (got + String(chunk)).slice(-4096);
    });
    socket.write(text);
    await untilTrue(() => got.includes(sign), 30_000).catch(() => {
      throw new Error(`no ${JSON.stringify(sign)} in ${JSON.stringify(got.slice(0, 200))}`);
    });
    return socket;
  }

  /** An honest request is still answered, and soon. */
  #healthy(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const own = { host: this.#orders.host, port: PORT, path: '/healthz', agent: false, timeout: 10_000 };
      const sent = request({ ...own, ...this.#identity }, (response) => {
        response.resume();
        resolve(response.statusCode === 200 ? undefined : `healthz answers ${response.statusCode}`);
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in 10 s')));
      sent.on('error', (error) => resolve(`healthz: ${error.message}`));
      sent.end();
    });
  }
}

function once(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once('error', reject);
  });
}

/** Whether the other side ends it in time. */
function closed(socket: Socket, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), ms);
    const over = () => {
      clearTimeout(late);
      resolve(true);
    };
    socket.on('error', over);
    socket.once('end', over);
    socket.once('close', over);
    socket.resume();
  });
}

async function untilTrue(condition: () => boolean, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error('it did not come true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

if (import.meta.main) {
  const orders = JSON.parse(process.argv[2] ?? '{}') as Orders;
  const hostile = new Hostile(orders);
  const tries = { ...hostile.tries, ...(orders.slow ? hostile.slowTries : {}) };
  for (const [name, attempt] of Object.entries(tries)) {
    const problem = await attempt().catch((error: Error) => error.message);
    console.log(JSON.stringify({ name, ...(problem === undefined ? {} : { problem }) } satisfies Finding));
  }
  process.exit(0);
}
