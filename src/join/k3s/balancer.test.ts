import { connect, createServer, type Server, type Socket } from 'node:net';
import { realClock } from '../../lib/clock.ts';
import { failure, until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { Balancer } from './balancer.ts';
import { Servers } from './servers.ts';

/** A server that says its name to whoever connects and then echoes. */
class Named implements AsyncDisposable {
  readonly server: Server;
  readonly sockets = new Set<Socket>();
  constructor(name: string) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.sockets.delete(socket));
      socket.write(`${name}:`);
      socket.pipe(socket);
    });
  }
  async listen(host: string, port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => this.server.once('error', reject).listen(port, host, resolve));
    return (this.server.address() as { port: number }).port;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

function open(servers: Servers) {
  return Balancer.open({
    port: 0,
    addresses: () => servers.apiServers(),
    failed: (a) => servers.failed(a),
    clock: realClock,
    log: silentLogger,
  });
}

async function talk(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.end(text);
  await new Promise((resolve) => socket.once('close', resolve).on('error', () => {}));
  return Buffer.concat(chunks).toString();
}

test('a server killed and replaced: every new connection finds one that lives, and half-open ones end in order', async () => {
  await using one = new Named('one');
  const port = await one.listen('127.0.0.1');
  const servers = new Servers(new URL(`https://127.0.0.1:${port}`));
  await using two = new Named('two');
  await two.listen('127.0.0.2', port);
  servers.update([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
  await using balancer = await open(servers);
  expect(await talk(balancer.port, 'hello')).toBe('one:hello');
  await one[Symbol.asyncDispose]();
  for (let i = 0; i < 20; i++) expect(await talk(balancer.port, `${i}`)).toBe(`two:${i}`);
  await using three = new Named('three');
  await three.listen('127.0.0.3', port);
  servers.update([`127.0.0.3:${port}`]);
  await two[Symbol.asyncDispose]();
  for (let i = 0; i < 20; i++) expect(await talk(balancer.port, `${i}`)).toBe(`three:${i}`);
});

test('connections to a server that left the list end; the others stay', async () => {
  await using one = new Named('one');
  const port = await one.listen('127.0.0.1');
  await using two = new Named('two');
  await two.listen('127.0.0.2', port);
  const servers = new Servers(new URL(`https://127.0.0.3:${port}`));
  servers.update([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
  await using balancer = await open(servers);
  using _ = servers.onChange(() => balancer.dropOthers());
  const first = connect(balancer.port, '127.0.0.1')
    .on('error', () => {})
    .resume();
  await until(() => one.sockets.size === 1);
  servers.failed(`127.0.0.1:${port}`);
  const second = connect(balancer.port, '127.0.0.1')
    .on('error', () => {})
    .resume();
  await until(() => two.sockets.size === 1);
  servers.update([`127.0.0.2:${port}`]);
  await until(() => first.closed && one.sockets.size === 0);
  expect(second.closed).toBe(false);
  balancer.drop(`127.0.0.2:${port}`);
  await until(() => second.closed);
});

test('with no server a client’s connection ends at once, and so do all at the end', async () => {
  const servers = new Servers(new URL('https://127.0.0.1:1'));
  const balancer = await open(servers);
  expect(await talk(balancer.port, 'x')).toBe('');
  await balancer[Symbol.asyncDispose]();
});

test('a port that is taken is told with what to do', async () => {
  await using one = new Named('one');
  const port = await one.listen('127.0.0.1');
  const error = (await failure(
    Balancer.open({ port, addresses: () => [], failed: () => {}, clock: realClock, log: silentLogger }),
  )) as Error;
  expect(error.message).toMatch(/cannot be had.*--lb-server-port/);
});

test('servers: who fails goes last, what is no address is left out, the joined one stays as the last resort', () => {
  const servers = new Servers(new URL('https://first:9345'));
  servers.setApiPort(6443);
  let changes = 0;
  servers.onChange(() => changes++);
  servers.update(['10.0.0.1:6443', '[fd00::1]:6443', 'a b', 'x/y:1', '10.0.0.1:6443']);
  expect(servers.apiServers()).toEqual(['10.0.0.1:6443', '[fd00::1]:6443', 'first:6443']);
  expect(servers.supervisors()).toEqual(['10.0.0.1:9345', '[fd00::1]:9345', 'first:9345']);
  servers.failed('10.0.0.1:9345');
  expect(servers.apiServers()[0]).toBe('[fd00::1]:6443');
  servers.update(['10.0.0.1:6443', '[fd00::1]:6443']);
  expect(servers.apiServers()[0]).toBe('[fd00::1]:6443');
  servers.update([]);
  expect(servers.apiServers()).toHaveLength(3);
  expect(changes).toBe(1);
});
