import { connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { until } from '../lib/fake/until.ts';
import { servedPod } from './fake/fakeHost.ts';
import { ask, bearer, eachOnItsOwn, exchange, host, openTls, server, start, token } from './fake/testServer.ts';
import type { ServerRuntime } from './host.ts';
import { join } from './stream/passThrough.ts';

eachOnItsOwn();
describe('streams', () => {
  /** A runtime's streaming server: upgrades, sends what it is told to first, then echoes. */
  async function runtime(answer: string) {
    const sockets: Socket[] = [];
    const heads: string[] = [];
    const listener = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      let head = '';
      socket.on('error', () => {});
      socket.on('data', function first(chunk) {
        head += chunk.toString('latin1');
        if (!head.includes('\r\n\r\n')) return;
        heads.push(head);
        socket.off('data', first);
        socket.write(answer);
        socket.pipe(socket);
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const port = (listener.address() as { port: number }).port;
    host.served = [servedPod()];
    const url = async () => `http://127.0.0.1:${port}/exec/token`;
    host.runtime = { exec: url, attach: url, portForward: url } as unknown as ServerRuntime;
    const close = () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
    };
    return { sockets, heads, close };
  }
  /** A port that leads to another, as connections that can be reset: a TLS socket cannot. */
  async function throughAnother(port: number) {
    const onward: Socket[] = [];
    const nearer: Socket[] = [];
    const listener = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      onward.push(far);
      nearer.push(near);
      for (const socket of [near, far]) socket.on('error', () => {});
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const reset = () => {
      for (const socket of onward) socket.resetAndDestroy();
      for (const socket of nearer) socket.destroy();
      listener.close();
    };
    return { port: (listener.address() as { port: number }).port, reset };
  }
  const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n';
  const head = (path: string) =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\nAuthorization: Bearer good\r\nconnection: Upgrade\r\nupgrade: SPDY/3.1\r\n\r\n`;
  const execPath = '/exec/ns/p/c?command=sh&output=1';
  beforeEach(() => start({}, { token, review: async () => true }));

  test.each([execPath, '/attach/ns/p/c?output=1', '/portForward/ns/p'])('%s passes bytes both ways', async (path) => {
    const far = await runtime(`${upgraded}early`);
    const socket = await openTls();
    const first = await exchange(socket, head(path), 'early');
    expect(first).toContain('101 Switching Protocols');
    const data = Buffer.alloc(3_000_000, 'abc');
    let back = 0;
    socket.on('data', (chunk: Buffer) => {
      back += chunk.length;
    });
    socket.write(data);
    await until(() => back === data.length);
    expect(far.heads[0]).not.toMatch(/authorization/i);
    expect(far.heads[0]).toMatch(/^POST \/exec\/token HTTP/);
    socket.end();
    await until(() => socket.closed && far.sockets.every((s) => s.closed));
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('a token that came as a WebSocket subprotocol stays here; the runtime gets the others', async () => {
    const far = await runtime(upgraded);
    const socket = await openTls();
    const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from('good').toString('base64url')}`;
    const browser = (protocols: string) =>
      `GET ${execPath} HTTP/1.1\r\nhost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: ${protocols}\r\n\r\n`;
    await exchange(socket, browser(`${protocol}, v4.channel.k8s.io`), '\r\n\r\n');
    expect(far.heads).toHaveLength(1);
    expect(far.heads[0]).toContain('Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n');
    expect(far.heads[0]).not.toContain('bearer');
    socket.destroy();
    // Alone it is refused: there would be no protocol for the runtime to take up.
    const alone = await openTls();
    expect(await exchange(alone, browser(protocol))).toContain('401 Unauthorized');
    expect(far.heads).toHaveLength(1);
    alone.destroy();
    far.close();
  });

  test('what is sent behind the head of the request is not lost', async () => {
    const far = await runtime(upgraded);
    const socket = await openTls();
    expect(await exchange(socket, `${head(execPath)}eager`, 'eager')).toContain('eager');
    socket.destroy();
    await until(() => far.sockets.every((s) => s.closed));
    far.close();
  });

  test('a client that has said everything still hears the whole answer', async () => {
    const far = await runtime(upgraded);
    const socket = await openTls({ allowHalfOpen: true });
    await exchange(socket, head(execPath), '\r\n\r\n');
    const answer = Buffer.alloc(2_000_000, 'z');
    const runtimeSide = far.sockets[0] as Socket;
    runtimeSide.unpipe(runtimeSide);
    runtimeSide.resume();
    runtimeSide.once('end', () => runtimeSide.end(answer));
    let heard = 0;
    let over = false;
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.length;
    });
    socket.on('end', () => {
      over = true;
    });
    socket.end('last words');
    await until(() => over);
    expect(heard).toBe(answer.length);
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('either side may vanish, and nothing is left', async () => {
    const far = await runtime(`${upgraded}x`);
    for (const client of [true, false]) {
      const socket = await openTls();
      socket.on('error', () => {});
      await exchange(socket, head(execPath), '\r\n\r\nx');
      if (client) socket.destroy();
      else far.sockets.at(-1)?.resetAndDestroy();
      await until(() => socket.closed && (far.sockets.at(-1)?.closed ?? false));
    }
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('a client that is reset before the runtime has a URL for it: the runtime hears nothing', async () => {
    const far = await runtime(upgraded);
    const given = await host.runtime.exec({} as never);
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<string>();
    const exec = () => {
      asked.resolve();
      return held.promise;
    };
    host.runtime = { exec } as unknown as ServerRuntime;
    const way = await throughAnother(server.secure.port);
    const socket = await openTls({ port: way.port });
    socket.on('error', () => {});
    socket.write(head(execPath));
    await asked.promise;
    await new Promise((resolve) => setImmediate(resolve)); // the server is done with what it has read
    way.reset();
    await until(() => server.secure.upgraded.size === 0, 5_000);
    held.resolve(given);
    // A connection made for it would have come before this one.
    host.runtime = { exec: async () => given } as unknown as ServerRuntime;
    const next = await openTls();
    await exchange(next, `${head(execPath)}hello`, 'hello');
    expect(far.sockets).toHaveLength(1);
    for (const client of [socket, next]) client.destroy();
    far.close();
  });

  test('what the runtime said before its connection was reset still reaches the client', async () => {
    const heard: string[] = [];
    const written = Promise.withResolvers<void>();
    const client: Duplex = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        // As TLS does, it takes a while to write; what is destroyed meanwhile writes nothing any more.
        void written.promise.then(() => {
          if (!client.destroyed) heard.push(String(chunk));
          done();
        });
      },
      final(done) {
        heard.push('end');
        client.push(null);
        done();
      },
    });
    const runtimeSide = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const head = Buffer.alloc(0);
    const joined = join({ socket: client, head }, { socket: runtimeSide, head });
    runtimeSide.push('the output');
    await until(() => client.writableLength > 0);
    const closed = new Promise((resolve) => runtimeSide.once('close', resolve));
    runtimeSide.destroy(new Error('read ECONNRESET'));
    await closed;
    written.resolve();
    await joined;
    expect(heard).toEqual(['the output', 'end']);
  });

  test('nor is what a slow client had no room for yet lost by the reset', async () => {
    const heard: string[] = [];
    const written = Promise.withResolvers<void>();
    const client: Duplex = new Duplex({
      writableHighWaterMark: 1,
      read() {},
      write(chunk, _encoding, done) {
        void written.promise.then(() => {
          heard.push(String(chunk));
          done();
        });
      },
      final(done) {
        heard.push('end');
        client.push(null);
        done();
      },
    });
    const runtimeSide = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const head = Buffer.alloc(0);
    const joined = join({ socket: client, head }, { socket: runtimeSide, head });
    runtimeSide.push('the output');
    await until(() => client.writableNeedDrain);
    runtimeSide.push('its end');
    await until(() => runtimeSide.readableLength > 0);
    const closed = new Promise((resolve) => runtimeSide.once('close', resolve));
    runtimeSide.destroy(new Error('read ECONNRESET'));
    await closed;
    written.resolve();
    await joined;
    expect(heard).toEqual(['the output', 'its end', 'end']);
  });

  test('a client that goes on talking after the runtime has closed is let go', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const side = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
      const [client, runtimeSide] = [side(), side()];
      const head = Buffer.alloc(0);
      const joined = join({ socket: client, head }, { socket: runtimeSide, head });
      const ended = new Promise((resolve) => runtimeSide.once('end', resolve));
      runtimeSide.push(null);
      await ended;
      runtimeSide.destroy();
      for (let i = 0; i < 3; i++) {
        await new Promise((resolve) => setImmediate(resolve));
        client.push('still here');
        await new Promise((resolve) => setImmediate(resolve));
        jest.advanceTimersByTime(4_000);
      }
      expect(client.destroyed).toBe(true);
      await joined;
    } finally {
      jest.useRealTimers();
    }
  });

  test.each([0, 1])('side %d is closed already: so is the other, and joining them is over', async (gone) => {
    const far = await runtime('');
    const port = Number(new URL(await host.runtime.exec({} as never)).port);
    const sides = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')] as const;
    await until(() => far.sockets.length === 2);
    sides[gone]?.destroy();
    await until(() => sides[gone]?.closed ?? false);
    const [a, b] = sides.map((socket) => ({ socket, head: Buffer.alloc(0) }));
    const joined = join(a as never, b as never);
    await until(() => sides.every((socket) => socket.closed), 5_000);
    await joined;
    far.close();
  });

  test('an error of the runtime is passed on, and errors of ours are HTTP', async () => {
    const far = await runtime('HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnope');
    const answer = async (path: string) => {
      const socket = await openTls();
      const text = await exchange(socket, head(path), undefined);
      await until(() => socket.closed || socket.readableEnded);
      socket.destroy();
      return text;
    };
    expect(await answer(execPath)).toMatch(/404 Not Found[\s\S]*nope/);
    expect(await answer('/exec/ns/x/c?output=1')).toMatch(/404 Not Found[\s\S]*pod does not exist/);
    expect(await answer('/exec/ns/p/c')).toMatch(/400 Bad Request[\s\S]*at least 1 of stdin, stdout, stderr/);
    expect(await answer('/exec/ns/p/c/c?output=1')).toMatch(/500 [\s\S]*container not found \("c"\)/);
    await until(() => server.secure.upgraded.size === 0);
    far.close();
  });

  test('without another protocol it is an error', async () => {
    const far = await runtime(upgraded);
    const answer = await ask(execPath, bearer('good'));
    expect(answer).toMatchObject({ status: 500, body: 'Upgrade request required\n' });
    far.close();
  });
});
