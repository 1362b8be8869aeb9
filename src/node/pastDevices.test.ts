import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../lib/logger.ts';
import { markDisk, readPastDevices } from './pastDevices.ts';

let root: string;
let errors: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kts-devices-'));
  errors = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const log = { ...silentLogger, error: (_message: string, fields?: object) => errors.push(JSON.stringify(fields)) };
const read = () => readPastDevices(root, log as typeof silentLogger);
const file = () => join(root, 'device-plugins/kubelet_internal_checkpoint');
const write = (text: string) => {
  mkdirSync(join(root, 'device-plugins'));
  writeFileSync(file(), text);
};

describe('device plug-ins of an earlier kubelet', () => {
  test("are those that had registered; the machine's own resources cannot be among them", async () => {
    write(
      '{"Data":{"PodDeviceEntries":[],"RegisteredDevices":{"b.example/x":["1"],"a.example/y":null,"cpu":["0"]}},"Checksum":1}',
    );
    expect(await read()).toEqual({ resources: ['a.example/y', 'b.example/x'], isNewDisk: false });
  });

  test.each(['{"Data":{"PodDeviceEntries":null,"RegisteredDevices":null},"Checksum":1}', '{}'])(
    'none in %s',
    async (text) => {
      write(text);
      expect(await read()).toEqual({ resources: [], isNewDisk: false });
      expect(errors).toEqual([]);
    },
  );

  test.each(['', '[', 'null', '{"Data":{"RegisteredDevices":"x"}}'])(
    'unreadable, %j is told and is none',
    async (text) => {
      write(text);
      expect(await read()).toEqual({ resources: [], isNewDisk: false });
      expect(errors).toHaveLength(1);
    },
  );

  test('a file that is too large is not read', async () => {
    write('{}');
    truncateSync(file(), 17 * 2 ** 20);
    expect(await read()).toEqual({ resources: [], isNewDisk: false });
    expect(errors[0]).toContain('more than 16777216');
  });

  test('a disk is new until a kubelet has registered from it', async () => {
    expect(await read()).toEqual({ resources: [], isNewDisk: true });
    await markDisk(root);
    expect(await read()).toEqual({ resources: [], isNewDisk: false });
    await markDisk(root);
  });
});
