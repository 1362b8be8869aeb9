import { DeviceBook } from './book.ts';
import { deviceMap, deviceMapText } from './deviceMap.ts';

test('the map of devices: how many, where, and who has which', () => {
  const book = new DeviceBook();
  const name = (uid: string) => `ns/${uid}`;
  expect(deviceMapText(deviceMap(book, name))).toBe('');
  const device = (id: string, healthy: boolean, nodes: number[]) => [id, { id, healthy, nodes }] as const;
  book.setDevices('v.example/gpu', new Map([device('0', true, [0]), device('1', true, [1]), device('2', false, [1])]));
  book.remember('v.example/nic');
  book.commit('odd', { container: 'c', resource: 'v.example/nic', ids: ['\u001b[2J'] }, new Uint8Array());
  book.commit('web', { container: 'main', resource: 'v.example/gpu', ids: ['1'] }, new Uint8Array());
  const map = deviceMap(book, name);
  expect(map.resources[0]).toEqual({
    resource: 'v.example/gpu',
    registered: true,
    devices: 3,
    healthy: 2,
    free: 1,
    onNodes: { '0': 1, '1': 2 },
  });
  expect(map.holders).toContainEqual({ pod: 'ns/web', container: 'main', resource: 'v.example/gpu', ids: ['1'] });
  expect(deviceMapText(map)).toBe(
    `v.example/gpu: 3 devices, 2 healthy, 1 free, 1 on NUMA node 0, 2 on NUMA node 1
v.example/nic: 0 devices, 0 healthy, 0 free; its plug-in is not there
Pod ns/odd, container c: v.example/nic \\u001b[2J
Pod ns/web, container main: v.example/gpu 1
`,
  );
});
