import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { realClock } from '../../../lib/clock.ts';
import { ManualClock } from '../../../lib/fake/manualClock.ts';
import { Random } from '../../../lib/fake/random.ts';
import { until } from '../../../lib/fake/until.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { Servers } from '../servers.ts';
import { type StandInCluster, StandInSupervisor } from '../testing/standInSupervisor.ts';
import { dialKubelet, doorFor } from './kubeletDoor.ts';
import { Tunnels } from './tunnels.ts';

let server: StandInSupervisor;
let kubelet: Server;
let sockets: Set<Socket>;
let serve: (socket: Socket) => void;
let port: number;

beforeEach(async () => {
  server = await StandInSupervisor.start();
  sockets = new Set();
  serve = (socket) => void socket.pipe(socket);
  kubelet = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => kubelet.listen(0, '127.0.0.1', resolve));
  port = (kubelet.address() as { port: number }).port;
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => kubelet.close(resolve));
});

function tunnels(servers = new Servers(new URL(server.url)), clock = realClock, lost: string[] = []): Tunnels {
  const identity = server.cluster.clientCa.issue('system:node:edge', ['system:nodes']);
  return new Tunnels({
    servers,
    trust: { ca: server.cluster.serverCa.ca },
    pair: () => identity,
    dial: (protocol, address) => dialKubelet({ address: '0.0.0.0', port }, protocol, address),
    onLost: (address) => lost.push(address),
    clock,
    log: silentLogger,
    random: () => 0,
  }).start();
}
const opened = () => until(() => server.tunnels.length === 1);
const address = () => `127.0.0.1:${port}`;

test('bytes go both ways, many connections at once, and each end is told', async () => {
  using _ = tunnels();
  await opened();
  expect(server.tunnels[0]!.node).toBe('edge');
  const connections = Array.from({ length: 20 }, () => ({
    to: server.tunnels[0]!.connect(address()),
    body: randomBytes(200_000),
  }));
  for (const { to, body } of connections)
    for (let at = 0; at < body.length; at += 30_000) to.send(body.subarray(at, at + 30_000));
  for (const { to, body } of connections) {
    await until(() => to.received().length === body.length);
    expect(to.received().equals(body)).toBe(true);
    to.end();
  }
  await until(() => sockets.size === 0);
});

test('the kubelet’s end and its refusal are told', async () => {
  serve = (socket) => void socket.end('bye');
  using _ = tunnels();
  await opened();
  const one = server.tunnels[0]!.connect(address());
  await until(() => one.ended() !== undefined);
  expect([one.received().toString(), one.ended()]).toEqual(['bye', 'EOF']);
  kubelet.close();
  const two = server.tunnels[0]!.connect(address());
  await until(() => two.ended() !== undefined);
  expect(two.ended()).toContain('ECONNREFUSED');
  kubelet.listen(port, '127.0.0.1');
});

test.each([
  ['tcp', '127.0.0.1:PORT', '127.0.0.1'],
  ['tcp', '[::1]:PORT', '127.0.0.1'],
  ['tcp', 'localhost:PORT', '127.0.0.1'],
  ['udp', '127.0.0.1:PORT', undefined],
  ['tcp', '127.0.0.1:22', undefined],
  ['tcp', '10.0.0.1:PORT', undefined],
  ['tcp', '127.evil.example:PORT', undefined],
  ['tcp', '0.0.0.0:PORT', undefined],
  ['tcp', 'PORT', undefined],
  ['unix', '/run/containerd/containerd.sock', undefined],
])('%s %s', (protocol, to, host) => {
  const door = doorFor({ address: '0.0.0.0', port: 10_250 }, protocol, to.replace('PORT', '10250'));
  expect(door?.host).toBe(host);
});

test('what is not the kubelet’s port is refused, and the tunnel goes on', async () => {
  using _ = tunnels();
  await opened();
  const wrong = server.tunnels[0]!.connect('127.0.0.1:22');
  await until(() => wrong.ended() !== undefined);
  expect(wrong.ended()).toBe('connect not allowed');
  const right = server.tunnels[0]!.connect(address());
  right.send(Buffer.from('x'));
  await until(() => right.received().length === 1);
});

test('a kubelet that does not read: the server is asked to pause, and to resume; nothing is lost', async () => {
  const held: Socket[] = [];
  serve = (socket) => void held.push(socket.pause());
  using _ = tunnels();
  await opened();
  const end = server.tunnels[0]!;
  const slow = end.connect(address());
  const chunk = Buffer.alloc(32 << 10, 7);
  let sent = 0;
  while (!slow.flow.includes('pause')) {
    slow.send(chunk);
    sent += chunk.length;
    // As a Go server's write does, which waits for its socket.
    await until(() => !end.socket.writableNeedDrain);
  }
  serve = (socket) => void socket.pipe(socket);
  // It holds up nobody else.
  const other = end.connect(address());
  other.send(Buffer.from('x'));
  await until(() => other.received().length === 1);
  let read = 0;
  held[0]!.on('data', (data: Buffer) => {
    read += data.length;
  });
  held[0]!.resume();
  await until(() => slow.flow.includes('resume') && read === sent);
  expect(slow.ended()).toBeUndefined();
});

test('a server that sends on all the same has that connection ended, at 16 MiB', async () => {
  serve = (socket) => void socket.pause();
  using _ = tunnels();
  await opened();
  const flood = server.tunnels[0]!.connect(address());
  const chunk = Buffer.alloc(256 << 10);
  let sent = 0;
  while (flood.ended() === undefined && sent < 64 << 20) {
    flood.send(chunk);
    sent += chunk.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(flood.ended()).toContain('does not pause');
});

test('a server that pauses gets nothing more until it resumes', async () => {
  const source = randomBytes(8 << 20);
  serve = (socket) => void socket.end(source);
  using _ = tunnels();
  await opened();
  const end = server.tunnels[0]!;
  const one = end.connect(address());
  await until(() => one.received().length > 0);
  end.send({ kind: 'pause', connection: one.id });
  let before = -1;
  // What was on its way still comes.
  await until(async () => {
    const now = one.received().length;
    const still = now === before;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return still;
  });
  expect(one.received().length).toBeLessThan(source.length);
  end.send({ kind: 'resume', connection: one.id });
  await until(() => one.ended() === 'EOF');
  expect(one.received().equals(source)).toBe(true);
});

test('cut a hundred times, it is back each time, and the kubelet’s connections of before have ended', async () => {
  const clock = new ManualClock(Date.now());
  using _ = tunnels(undefined, clock);
  for (let i = 0; i < 100; i++) {
    await until(() => server.tunnels.length === 1);
    const end = server.tunnels[0]!;
    const one = end.connect(address());
    one.send(Buffer.from(`${i}`));
    await until(() => one.received().toString() === `${i}`);
    end.cut();
    await until(() => server.tunnels.length === 0 && sockets.size === 0);
    await until(async () => {
      await clock.advanceAsync(1_000);
      return server.tunnels.length === 1;
    });
  }
});

test('servers that come get a tunnel, those that left lose theirs, one that dies is tried again', async () => {
  const cluster: StandInCluster = server.cluster;
  const clock = new ManualClock(Date.now());
  const servers = new Servers(new URL(server.url));
  using kept = tunnels(servers, clock);
  await opened();
  await server[Symbol.asyncDispose]();
  await until(() => kept.connected().length === 0);
  server = await StandInSupervisor.start(cluster, server.port);
  await until(async () => {
    await clock.advanceAsync(1_000);
    return server.tunnels.length === 1;
  });
  servers.update(['127.0.0.9:1', `127.0.0.1:${server.port}`]);
  await until(() => server.tunnels.length === 1);
  expect(kept.connected()).toEqual([`127.0.0.1:${server.port}`]);
});

test('pings go out every 5 s, the list of connections every 60 s, and a silent server is given up after 60 s', async () => {
  const clock = new ManualClock(Date.now());
  const lost: string[] = [];
  using _ = tunnels(undefined, clock, lost);
  await opened();
  const end = server.tunnels[0]!;
  const one = end.connect(address());
  one.send(Buffer.from('x'));
  await until(() => one.received().length === 1);
  for (let i = 1; i <= 12; i++) {
    clock.advance(5_000);
    await until(() => end.pings === i);
    const beat = end.connect(address());
    beat.send(Buffer.from('y'));
    await until(() => beat.received().length === 1);
    beat.end();
  }
  await until(() => end.frames.some((frame) => frame.kind === 'sync' && frame.connections.includes(one.id)));
  end.socket.pause();
  for (let i = 0; i < 13; i++) await clock.advanceAsync(5_000);
  await until(() => lost.length === 1);
});

test('a list of connections ends those that the server has forgotten', async () => {
  using _ = tunnels();
  await opened();
  const end = server.tunnels[0]!;
  const [one, two] = [end.connect(address()), end.connect(address())];
  for (const each of [one, two]) each.send(Buffer.from('x'));
  await until(() => one.received().length + two.received().length === 2);
  end.send({ kind: 'sync', connections: [two.id] });
  await until(() => sockets.size === 1);
});

test('any frames, and any bytes, leave the tunnel open or end it, and it comes back', async () => {
  const random = new Random(5);
  const clock = new ManualClock(Date.now());
  using _ = tunnels(undefined, clock);
  for (let i = 0; i < 300; i++) {
    await until(async () => {
      if (server.tunnels.length === 1) return true;
      await clock.advanceAsync(1_000);
      return server.tunnels.length === 1;
    });
    const end = server.tunnels[0]!;
    for (let k = 0; k < 10; k++) {
      const id = BigInt(random.int(4));
      random.pick(
        () => end.raw(randomBytes(random.int(60))),
        () => end.raw(Buffer.concat([Buffer.from([2, Number(id) * 2, random.int(20)]), randomBytes(random.int(30))])),
        () => end.send({ kind: 'connect', connection: id, protocol: 'tcp', address: address() }),
        () => end.send({ kind: 'data', connection: id, body: randomBytes(random.int(50_000)) }),
        () => end.send({ kind: 'error', connection: id, message: 'EOF' }),
        () => end.send({ kind: random.pick('pause', 'resume'), connection: id }),
        () => end.send({ kind: 'sync', connections: [id] }),
        () => end.raw(randomBytes(8), random.pick(1, 8, 9, 10)),
      )();
    }
  }
  await until(async () => {
    await clock.advanceAsync(1_000);
    return server.tunnels.length === 1;
  });
  server.tunnels[0]!.cut();
  await until(() => server.tunnels.length === 0 && sockets.size === 0);
});

test('a certificate that is refused is told, and tried again', async () => {
  const clock = new ManualClock(Date.now());
  server.faults.set('/v1-k3s/connect', 401);
  using kept = tunnels(undefined, clock);
  await until(() => clock.nextIn === 1_000);
  expect(kept.connected()).toEqual([]);
  server.faults.clear();
  await clock.advanceAsync(1_000);
  await opened();
});
