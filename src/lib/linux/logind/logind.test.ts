import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../fake/until.ts';
import { FakeLogind } from './fake/logind.ts';
import { takeShutdownLock } from './inhibitor.ts';
import { Logind } from './logind.ts';
import { systemBusSocket } from './systemBus.ts';

const directory = mkdtempSync(join(tmpdir(), 'logind-'));
afterAll(() => rmSync(directory, { recursive: true }));

describe('logind', () => {
  test('tells how long it waits, reads its configuration again, and says that the machine shuts down', async () => {
    const socket = join(directory, 'bus');
    await using fake = await FakeLogind.listen(socket);
    using logind = await Logind.connect(socket);
    expect(await logind.inhibitDelayMs()).toBe(5_000);
    fake.configuredUs = 30_000_000n;
    await logind.reloadConfiguration();
    expect(await logind.inhibitDelayMs()).toBe(30_000);
    const heard: boolean[] = [];
    logind.onShutdown((starts) => heard.push(starts));
    fake.prepareForShutdown(true);
    fake.prepareForShutdown(false);
    await until(() => heard.length === 2);
    expect(heard).toEqual([true, false]);
    expect(await logind.preparingForShutdown()).toBe(false);
    expect(fake.calls.slice(0, 2)).toEqual([
      'Hello',
      "AddMatch type='signal',interface='org.freedesktop.login1.Manager',member='PrepareForShutdown',path='/org/freedesktop/login1'",
    ]);
    expect(fake.calls).toContain('KillUnit systemd-logind.service');
  });

  test('a bus that ends is told once, and one that is not there is one sentence', async () => {
    const socket = join(directory, 'bus2');
    await using fake = await FakeLogind.listen(socket);
    using logind = await Logind.connect(socket);
    const closed: string[] = [];
    logind.onClose((error) => closed.push(error.message));
    fake.disconnect();
    await until(() => closed.length === 1);
    await expect(Logind.connect(join(directory, 'none'))).rejects.toThrow('cannot connect to D-Bus');
  });
});

describe('the shutdown lock', () => {
  /** A systemd-inhibit that notes what it was asked for and how it ended. */
  function program(name: string, body: string): string {
    const path = join(directory, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  test('is held until it is released', async () => {
    const note = join(directory, 'note');
    const run = 'shift 4; "$@"; echo released >>$NOTE';
    const lock = await takeShutdownLock(program('inhibit', `NOTE=${note}; echo "$1 $2 $3 $4" >$NOTE; ${run}`));
    expect(readFileSync(note, 'utf8')).toBe(
      '--what=shutdown --who=kubelet --why=Kubelet needs time to handle node shutdown --mode=delay\n',
    );
    let lost = 0;
    lock.onLost(() => lost++);
    lock.release();
    lock.release();
    await until(() => readFileSync(note, 'utf8').endsWith('released\n'));
    expect(lost).toBe(0);
  });

  test('is lost when its holder ends', async () => {
    const lock = await takeShutdownLock(program('dies', 'shift 4; "$@" </dev/null'));
    const { promise, resolve } = Promise.withResolvers<void>();
    lock.onLost(resolve);
    await promise;
  });

  test('that cannot be had is one sentence with the reason', async () => {
    const refused = takeShutdownLock(program('refuses', 'echo "Failed to inhibit: Access denied" >&2; exit 1'));
    await expect(refused).rejects.toThrow(
      /^cannot take a shutdown lock with .*refuses: Failed to inhibit: Access denied$/,
    );
    await expect(takeShutdownLock(join(directory, 'none'))).rejects.toThrow('ENOENT');
    expect(existsSync(join(directory, 'none'))).toBe(false);
  });
});

test.each([
  [undefined, '/run/dbus/system_bus_socket'],
  ['unix:path=/x/bus', '/x/bus'],
  ['unix:guid=1,path=/x%20y', '/x y'],
  ['tcp:host=localhost', '/run/dbus/system_bus_socket'],
])('the system bus under DBUS_SYSTEM_BUS_ADDRESS %s', (address, expected) => {
  expect(systemBusSocket({ DBUS_SYSTEM_BUS_ADDRESS: address })).toBe(expected);
});
