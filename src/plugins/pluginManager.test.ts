import { chmod, link, mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { startToyPlugin } from './fake/toyPlugin.ts';
import type { PluginHandler, PluginInfo } from './handler.ts';
import { PluginManager, type PluginManagerOptions } from './pluginManager.ts';

const CSI = 'CSIPlugin';
const named = (name: string, more: object = {}) => ({ type: CSI, name, supportedVersions: ['1.0.0'], ...more });
const never = () => new Promise<never>(() => {});

/** Writes down what it is asked to do, as `register a`; `answers` may do more, or refuse. */
class RecordingHandler implements PluginHandler {
  readonly calls: string[] = [];
  readonly plugins: PluginInfo[] = [];
  readonly answers: Partial<PluginHandler>;

  constructor(answers: Partial<PluginHandler> = {}) {
    this.answers = answers;
  }

  validate(plugin: PluginInfo) {
    this.calls.push(`validate ${plugin.name}`);
    return this.answers.validate?.(plugin);
  }

  register(plugin: PluginInfo, signal: AbortSignal) {
    this.calls.push(`register ${plugin.name}`);
    this.plugins.push(plugin);
    return this.answers.register?.(plugin, signal);
  }

  deregister(plugin: PluginInfo, signal: AbortSignal) {
    this.calls.push(`deregister ${plugin.name}`);
    this.plugins.push(plugin);
    return this.answers.deregister?.(plugin, signal);
  }
}

class Door implements AsyncDisposable {
  readonly directory: string;
  readonly handler: RecordingHandler;
  readonly manager: PluginManager;
  readonly #base: string;

  constructor(base: string, handler: RecordingHandler, options: Partial<PluginManagerOptions>) {
    this.#base = base;
    this.directory = join(base, 'plugins_registry');
    this.handler = handler;
    this.manager = new PluginManager({
      directory: this.directory,
      handlers: { [CSI]: handler },
      log: silentLogger,
      ...options,
      // Toy and agent share one event loop.
      timeouts: { getInfoMs: 20_000, ...options.timeouts },
    });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  of(name: string) {
    return this.manager.plugins().find((plugin) => plugin.socket === this.path(name));
  }

  async becomes(name: string, state: string | undefined): Promise<void> {
    await until(() => this.of(name)?.state === state);
  }

  async [Symbol.asyncDispose]() {
    await this.manager[Symbol.asyncDispose]();
    await rm(this.#base, { recursive: true, force: true });
  }
}

/** A directory with a manager that watches it already. */
async function openDoor(
  answers: Partial<PluginHandler> = {},
  options: Partial<PluginManagerOptions> = {},
): Promise<Door> {
  const door = new Door(await mkdtemp(join(tmpdir(), 'plug-')), new RecordingHandler(answers), options);
  await mkdir(door.directory, { recursive: true });
  door.manager.start();
  return door;
}

test('a plug-in is asked, judged, registered and told so; its endpoint is its socket unless it names one', async () => {
  await using door = await openDoor();
  await using a = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await using b = await startToyPlugin(door.path('b.sock'), { info: named('b', { endpoint: '/run/b.sock' }) });
  await door.becomes('a.sock', 'registered');
  await door.becomes('b.sock', 'registered');
  expect(door.handler.calls.filter((c) => c.endsWith(' a'))).toEqual(['validate a', 'register a']);
  expect(door.of('a.sock')).toMatchObject({
    attempts: 1,
    plugin: { type: CSI, name: 'a', endpoint: door.path('a.sock'), versions: ['1.0.0'], socket: door.path('a.sock') },
  });
  expect(door.of('b.sock')?.plugin?.endpoint).toBe('/run/b.sock');
  for (const toy of [a, b]) expect(toy.told).toEqual([{ pluginRegistered: true, error: '' }]);
});

test('a plug-in that was there before the agent is registered; the directory is made if it is not there', async () => {
  await using door = await openDoor();
  await door.manager[Symbol.asyncDispose]();
  await using _toy = await startToyPlugin(door.path('old.sock'), { info: named('old') });
  const base = { log: silentLogger, handlers: { [CSI]: door.handler } };
  await using later = new PluginManager({ ...base, directory: door.directory }).start();
  await until(() => later.plugins()[0]?.state === 'registered');
  const made = door.path('x/y');
  await using elsewhere = new PluginManager({ ...base, directory: made }).start();
  await until(() =>
    writeFile(join(made, 'file'), '').then(
      () => true,
      () => false,
    ),
  );
  expect(elsewhere.problems()).toEqual([]);
});

test('sockets in sub-directories are found, whenever the directory comes, and go with it', async () => {
  await using door = await openDoor();
  await mkdir(door.path('sub/deep'), { recursive: true });
  await using _toy = await startToyPlugin(door.path('sub/deep/a.sock'), { info: named('a') });
  await door.becomes('sub/deep/a.sock', 'registered');
  await rm(door.path('sub'), { recursive: true });
  await door.becomes('sub/deep/a.sock', undefined);
  expect(door.handler.calls.at(-1)).toBe('deregister a');
});

test('files that are no sockets, and names that start with a dot, directories too, are left alone', async () => {
  await using door = await openDoor();
  await mkdir(door.path('.hidden'));
  await writeFile(door.path('file.sock'), 'text');
  await using hidden = await startToyPlugin(door.path('.hidden/a.sock'), { info: named('hidden') });
  await using dotted = await startToyPlugin(door.path('.a.sock'), { info: named('dotted') });
  await using _last = await startToyPlugin(door.path('z.sock'), { info: named('z') });
  await door.becomes('z.sock', 'registered');
  expect(door.manager.plugins().map((p) => p.socket)).toEqual([door.path('z.sock')]);
  expect([hidden.asked(), dotted.asked()]).toEqual([0, 0]);
});

test('a link to a socket counts as the socket; a link to a directory does not count', async () => {
  await using door = await openDoor();
  const outside = await mkdtemp(join(tmpdir(), 'plug-'));
  await using _toy = await startToyPlugin(join(outside, 'a.sock'), { info: named('a') });
  await symlink(outside, door.path('directory'));
  await symlink(join(outside, 'a.sock'), door.path('link.sock'));
  await door.becomes('link.sock', 'registered');
  expect(door.manager.plugins()).toHaveLength(1);
  await rm(outside, { recursive: true });
});

test('a name with characters of its own is a path like any other', async () => {
  await using door = await openDoor();
  await using _toy = await startToyPlugin(door.path('a b#?%41ü.sock'), { info: named('a') });
  await door.becomes('a b#?%41ü.sock', 'registered');
});

test('a socket whose path is too long to connect to is a failure with a sentence', async () => {
  await using door = await openDoor();
  await using toy = await startToyPlugin(door.path('.a.sock'), { info: named('a') });
  const long = 'x'.repeat(120);
  await link(door.path('.a.sock'), door.path(long));
  await door.becomes(long, 'failed');
  const bytes = Buffer.byteLength(door.path(long));
  expect(door.of(long)?.error).toBe(
    `nobody can connect to a socket whose path is ${bytes} bytes long; at most 107 are possible`,
  );
  expect(toy.asked()).toBe(0);
});

test('a socket that is made anew is deregistered and registered', async () => {
  await using door = await openDoor();
  const first = await startToyPlugin(door.path('a.sock'), { info: named('a', { endpoint: '/1' }) });
  await door.becomes('a.sock', 'registered');
  await first.server.close();
  await using second = await startToyPlugin(door.path('a.sock'), { info: named('a', { endpoint: '/2' }) });
  await until(() => second.told.length > 0);
  await door.becomes('a.sock', 'registered');
  expect(door.handler.calls).toEqual(['validate a', 'register a', 'deregister a', 'validate a', 'register a']);
  expect(door.handler.plugins.map((p) => p.endpoint)).toEqual(['/1', '/1', '/2']);
});

test('a socket that is replaced in one step is registered anew', async () => {
  await using door = await openDoor();
  await using _first = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await door.becomes('a.sock', 'registered');
  await using second = await startToyPlugin(door.path('.b.sock'), { info: named('b') });
  await rename(door.path('.b.sock'), door.path('a.sock'));
  await until(() => second.told.length === 1);
  expect(door.handler.calls.slice(2)).toEqual(['deregister a', 'validate b', 'register b']);
});

test('a socket whose attributes change is the same socket', async () => {
  await using door = await openDoor();
  await using toy = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await door.becomes('a.sock', 'registered');
  await chmod(door.path('a.sock'), 0o666);
  await using _next = await startToyPlugin(door.path('b.sock'), { info: named('b') });
  await door.becomes('b.sock', 'registered');
  expect(toy.asked()).toBe(1);
});

test('a socket that vanishes, or moves away, is deregistered and forgotten', async () => {
  await using door = await openDoor();
  await using _a = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await using _b = await startToyPlugin(door.path('b.sock'), { info: named('b') });
  await door.becomes('a.sock', 'registered');
  await door.becomes('b.sock', 'registered');
  await unlink(door.path('a.sock'));
  await rename(door.path('b.sock'), join(door.directory, '../b.sock'));
  await until(() => door.manager.plugins().length === 0);
  expect(door.handler.calls.slice(-2).sort()).toEqual(['deregister a', 'deregister b']);
});

test('one that never says who it is has a deadline, is named and tried again, and holds nobody up', async () => {
  await using door = await openDoor({}, { timeouts: { getInfoMs: 100 } });
  await using hung = await startToyPlugin(door.path('hung.sock'), { info: never });
  await until(() => hung.asked() === 1);
  await using _good = await startToyPlugin(door.path('good.sock'), { info: named('good') });
  await door.becomes('good.sock', 'registered');
  await door.becomes('hung.sock', 'failed');
  expect(door.of('hung.sock')?.error).toMatch(/^GetInfo failed: DeadlineExceeded: /);
  await until(() => hung.asked() > 2);
  expect(door.of('hung.sock')?.error).toMatch(/^GetInfo failed/); // also while it is asked again
});

test('bytes that are no gRPC, silence and a socket nobody serves are failures with a sentence', async () => {
  await using door = await openDoor({}, { timeouts: { connectMs: 300 } });
  const raw = (name: string, onConnect: (socket: Socket) => void) =>
    new Promise<Disposable>((resolve) => {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket.on('error', () => {}));
        onConnect(socket);
      });
      server.listen(door.path(name), () =>
        resolve({
          [Symbol.dispose]() {
            server.close();
            for (const socket of sockets) socket.destroy();
          },
        }),
      );
    });
  using _noise = await raw('noise.sock', (socket) =>
    socket.write('HTTP/1.1 400 Bad Request\r\n\r\n\0\xff'.repeat(100)),
  );
  using _silence = await raw('silence.sock', () => {});
  using _abrupt = await raw('abrupt.sock', (socket) => socket.destroy());
  const dead = await startToyPlugin(door.path('.dead.sock'), { info: named('dead') });
  await link(door.path('.dead.sock'), door.path('dead.sock'));
  await dead.server.close();
  await using _good = await startToyPlugin(door.path('good.sock'), { info: named('good') });
  await door.becomes('good.sock', 'registered');
  for (const name of ['noise.sock', 'silence.sock', 'abrupt.sock', 'dead.sock']) {
    await door.becomes(name, 'failed');
    expect(door.of(name)?.error).toMatch(/^(the connection|GetInfo) failed: (DeadlineExceeded|Unavailable): /);
  }
});

test('a type that nobody handles is told to the plug-in in kubelet’s words', async () => {
  await using door = await openDoor();
  await using toy = await startToyPlugin(door.path('a.sock'), { info: named('a', { type: 'constructor' }) });
  await door.becomes('a.sock', 'failed');
  const sentence = `RegisterPlugin error -- no handler registered for plugin type: constructor at socket ${door.path('a.sock')}`;
  expect(toy.told).toEqual([{ pluginRegistered: false, error: sentence }]);
  expect(door.of('a.sock')).toMatchObject({ error: sentence, plugin: { name: 'a', type: 'constructor' } });
});

test.each([
  ['a name', { name: 'x'.repeat(400) }, 'its name is 400 bytes long; at most 317 are taken'],
  ['no name', { name: '' }, 'it has no name'],
  ['a type', { type: 'ü'.repeat(40) }, 'its type is 80 bytes long; at most 64 are taken'],
  ['an endpoint', { endpoint: '/x'.repeat(3000) }, 'its endpoint is 6000 bytes long; at most 4096 are taken'],
  ['versions', { supportedVersions: Array(65).fill('v1') }, 'it supports 65 versions; at most 64 are taken'],
  [
    'a version',
    { supportedVersions: ['v'.repeat(129)] },
    'the name of a version is 129 bytes long; at most 128 are taken',
  ],
])('%s beyond the bounds is refused', async (_, more, sentence) => {
  await using door = await openDoor();
  await using toy = await startToyPlugin(door.path('a.sock'), { info: named('a', more) });
  await door.becomes('a.sock', 'failed');
  const error = `RegisterPlugin error -- plugin validation failed with err: ${sentence}`;
  expect(door.of('a.sock')?.error).toBe(error);
  expect(toy.told).toEqual([{ pluginRegistered: false, error }]);
  expect(door.handler.calls).toEqual([]);
});

test('an answer without end is not read', async () => {
  await using door = await openDoor();
  await using _toy = await startToyPlugin(door.path('a.sock'), { info: named('x'.repeat(1_000_000)) });
  await door.becomes('a.sock', 'failed');
  expect(door.of('a.sock')?.error).toMatch(/^GetInfo failed: ResourceExhausted: /);
});

test('what the handler says against a plug-in reaches it; a plug-in that is refused is not deregistered', async () => {
  const refusal = new Error(`no such version, ${'really '.repeat(1000)}`);
  await using door = await openDoor({
    validate: ({ name }) => {
      if (name === 'old') throw refusal;
    },
    register: async () => {
      throw new Error('the driver does not answer');
    },
  });
  await using old = await startToyPlugin(door.path('old.sock'), { info: named('old') });
  await using broken = await startToyPlugin(door.path('broken.sock'), { info: named('broken') });
  await until(() => old.told.length > 0 && broken.told.length > 0);
  expect(old.told[0]?.error).toMatch(
    /^RegisterPlugin error -- plugin validation failed with err: no such version, really/,
  );
  expect(old.told[0]?.error.length).toBeLessThan(2100);
  expect(broken.told[0]).toEqual({
    pluginRegistered: false,
    error: 'RegisterPlugin error -- plugin registration failed with err: the driver does not answer',
  });
  await door.becomes('broken.sock', 'failed');
  expect(door.handler.calls.filter((call) => call.startsWith('deregister'))).toEqual([]);
});

test('a failed registration is tried again after 500 ms, doubled each time, with jitter, until it succeeds', async () => {
  let failures = 2;
  const waits: number[] = [];
  await using door = await openDoor(
    {
      register: () => {
        if (failures-- > 0) throw new Error('not yet');
      },
    },
    { random: () => 0.5 },
  );
  using _changes = door.manager.onChange(() => {
    const { state, retryAt, since } = door.of('a.sock') ?? {};
    if (state === 'failed' && retryAt && since) waits.push(Math.round(retryAt - since));
  });
  await using toy = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await door.becomes('a.sock', 'registered');
  expect(waits.map((ms) => Math.round(ms / 50) * 50)).toEqual([550, 1100]);
  expect(toy.told.map((status) => status.pluginRegistered)).toEqual([false, false, true]);
  expect(door.of('a.sock')?.attempts).toBe(3);
  expect(door.of('a.sock')?.error).toBeUndefined();
});

test('a socket that is made anew after failures is tried at once', async () => {
  let broken = true;
  const clock = new ManualClock(); // stands still: no back-off ever ends
  const validate = () => {
    if (broken) throw new Error('old');
  };
  await using door = await openDoor({ validate }, { clock });
  await using _first = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await using _second = await startToyPlugin(door.path('.b.sock'), { info: named('a') });
  await door.becomes('a.sock', 'failed');
  broken = false;
  await rename(door.path('.b.sock'), door.path('a.sock'));
  await door.becomes('a.sock', 'registered');
  expect(door.of('a.sock')?.attempts).toBe(1);
});

test('a plug-in that does not take note of its registration is deregistered and tried again', async () => {
  await using door = await openDoor();
  let answers = 0;
  await using _toy = await startToyPlugin(door.path('a.sock'), {
    info: named('a'),
    onNotify: () => {
      if (answers++ === 0) throw new Error('busy');
    },
  });
  await door.becomes('a.sock', 'failed');
  expect(door.of('a.sock')?.error).toBe('NotifyRegistrationStatus failed: Unknown: busy');
  expect(door.handler.calls).toEqual(['validate a', 'register a', 'deregister a']);
  await door.becomes('a.sock', 'registered');
});

test('a handler that hangs is left behind at its deadline, undone, and holds up only its own name', async () => {
  let hangs = true;
  await using door = await openDoor(
    { register: ({ name }) => (name === 'slow' && hangs ? never() : undefined) },
    { timeouts: { handlerMs: 300 } },
  );
  await using slow = await startToyPlugin(door.path('a.sock'), { info: named('slow') });
  await using _other = await startToyPlugin(door.path('b.sock'), { info: named('other') });
  await door.becomes('b.sock', 'registered');
  await until(() => slow.told.length > 0);
  expect(slow.told[0]?.error).toContain('registration did not end within 300 ms');
  expect(door.handler.calls.filter((c) => c.endsWith(' slow')).slice(0, 3)).toEqual([
    'validate slow',
    'register slow',
    'deregister slow',
  ]);
  hangs = false;
  await door.becomes('a.sock', 'registered');
});

test('a socket that vanishes while it is registered aborts the handler, and is deregistered after it', async () => {
  const order: string[] = [];
  await using door = await openDoor({
    register: (_, signal) =>
      new Promise((resolve) => {
        order.push('register begins');
        signal.addEventListener('abort', () => {
          order.push('register ends');
          resolve();
        });
      }),
    deregister: () => void order.push('deregister'),
  });
  const toy = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await until(() => order.length === 1);
  await toy.server.close();
  await until(() => door.manager.plugins().length === 0);
  expect(order).toEqual(['register begins', 'register ends', 'deregister']);
});

test('two sockets with one name: calls come one at a time, and the end of one is told with its own endpoint', async () => {
  let under = 0;
  let most = 0;
  await using door = await openDoor({
    register: async () => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
    },
  });
  await using _one = await startToyPlugin(door.path('1.sock'), { info: named('a', { endpoint: '/1' }) });
  await using _two = await startToyPlugin(door.path('2.sock'), { info: named('a', { endpoint: '/2' }) });
  await door.becomes('1.sock', 'registered');
  await door.becomes('2.sock', 'registered');
  await unlink(door.path('1.sock'));
  await door.becomes('1.sock', undefined);
  expect(door.handler.plugins.at(-1)).toMatchObject({ name: 'a', endpoint: '/1', socket: door.path('1.sock') });
  expect(door.handler.calls.at(-1)).toBe('deregister a');
  expect(door.of('2.sock')?.state).toBe('registered');
  expect(most).toBe(1);
});

test('1,000 sockets register, and vanish', async () => {
  await using door = await openDoor();
  let next = 0;
  await using _toy = await startToyPlugin(door.path('.all.sock'), { info: () => named(`p${next++}`) });
  const names = Array.from({ length: 1000 }, (_, i) => `${i}.sock`);
  await Promise.all(names.map((name) => link(door.path('.all.sock'), door.path(name))));
  const registered = () => door.manager.plugins().filter((p) => p.state === 'registered').length;
  await until(() => registered() === 1000);
  expect(new Set(door.manager.plugins().map((p) => p.plugin?.name)).size).toBe(1000);
  await Promise.all(names.map((name) => unlink(door.path(name))));
  await until(() => door.manager.plugins().length === 0);
  expect(door.handler.calls.filter((c) => c.startsWith('deregister'))).toHaveLength(1000);
});

test('the directory may be removed and made again', async () => {
  await using door = await openDoor();
  const first = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await door.becomes('a.sock', 'registered');
  await rm(door.directory, { recursive: true });
  await until(() => door.manager.plugins().length === 0);
  await first.server.close();
  await mkdir(door.directory, { recursive: true });
  await using _second = await startToyPlugin(door.path('a.sock'), { info: named('a') });
  await door.becomes('a.sock', 'registered');
});

test('the end of the agent deregisters nothing and ends what is under way', async () => {
  await using door = await openDoor();
  await using _good = await startToyPlugin(door.path('good.sock'), { info: named('good') });
  await using hung = await startToyPlugin(door.path('hung.sock'), { info: never });
  await door.becomes('good.sock', 'registered');
  await until(() => hung.asked() === 1);
  await door.manager[Symbol.asyncDispose]();
  expect(door.handler.calls).toEqual(['validate good', 'register good']);
});
