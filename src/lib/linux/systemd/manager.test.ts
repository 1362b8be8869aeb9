import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeSystemd } from './fake/systemd.ts';
import { SystemdManager } from './manager.ts';

const weight = { CPUWeight: { signature: 't', value: 39n } };

describe.each(['direct', 'bus'] as const)('systemd by its %s socket', (kind) => {
  let directory: string;
  let systemd: FakeSystemd;
  let manager: SystemdManager;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'systemd-'));
    const sockets = { direct: join(directory, 'direct'), bus: join(directory, 'bus') };
    systemd = await FakeSystemd.listen(sockets[kind]);
    manager = new SystemdManager(sockets);
  });
  afterEach(async () => {
    manager[Symbol.dispose]();
    await systemd[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  test('a slice is made, changed and stopped', async () => {
    expect(await manager.startTransientUnit('a.slice', weight)).toBe(true);
    expect(systemd.units.get('a.slice')?.properties.get('CPUWeight')).toEqual({ signature: 't', value: 39n });
    await manager.setUnitProperties('a.slice', { TasksMax: { signature: 't', value: 5n } });
    expect([...systemd.units.get('a.slice')!.properties.keys()]).toEqual(['CPUWeight', 'TasksMax']);
    await manager.stopUnit('a.slice');
    expect(systemd.units.size).toBe(0);
    const greeting = kind === 'bus' ? ['Hello', expect.stringMatching(/^AddMatch/), 'Subscribe'] : [];
    expect(systemd.calls.slice(0, greeting.length + 1)).toEqual([...greeting, 'StartTransientUnit a.slice']);
  });

  test('what exists is left alone, what is gone is fine to stop', async () => {
    await manager.startTransientUnit('a.slice', weight);
    expect(await manager.startTransientUnit('a.slice', { CPUWeight: { signature: 't', value: 1n } })).toBe(false);
    expect(systemd.units.get('a.slice')?.properties.get('CPUWeight')?.value).toBe(39n);
    await manager.stopUnit('b.slice');
    await expect(manager.setUnitProperties('b.slice', weight)).rejects.toMatchObject({
      errorName: 'org.freedesktop.systemd1.NoSuchUnit',
    });
  });

  test.each([true, false])('the end of a job is not missed (signal before reply: %p)', async (signalFirst) => {
    systemd.signalFirst = signalFirst;
    const names = ['a', 'b', 'c', 'd'].map((name) => `${name}.slice`);
    await Promise.all(names.map((name) => manager.startTransientUnit(name, weight)));
    expect([...systemd.units.keys()].sort()).toEqual(names);
  });

  test.each([
    ['257.9-1~deb13u1', 257],
    ['v239 (239-82.el8)', 239],
    ['unknown', 0],
  ])('version %s is %d, and asked for once', async (text, number) => {
    systemd.version = text;
    expect([await manager.version(), await manager.version()]).toEqual([number, number]);
    expect(systemd.calls.filter((call) => call.startsWith('Get'))).toHaveLength(1);
  });

  test('a job that fails is an error that names the unit', async () => {
    systemd.jobResult = 'failed';
    await expect(manager.startTransientUnit('a.slice', weight)).rejects.toThrow(
      'StartTransientUnit of a.slice ended with "failed"',
    );
  });

  test('a lost connection is made again', async () => {
    await manager.startTransientUnit('a.slice', weight);
    systemd.disconnect();
    await manager.setUnitProperties('a.slice', weight);
    // Lost in the middle of a job: tried again on a new connection, which finds the unit there.
    systemd.onStart = async () => {
      systemd.onStart = async () => {};
      systemd.disconnect();
    };
    expect(await manager.startTransientUnit('b.slice', weight)).toBe(false);
    expect(systemd.units.has('b.slice')).toBe(true);
  });
});

test('without systemd the error says so', async () => {
  using manager = new SystemdManager({ direct: '/absent/private', bus: '/absent/bus' });
  await expect(manager.stopUnit('a.slice')).rejects.toThrow('systemd is not reachable');
});
