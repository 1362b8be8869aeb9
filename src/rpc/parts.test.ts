import { deviceProtocol } from '../plugins/protocols/device.ts';

const list = deviceProtocol.method('v1beta1.DevicePlugin', 'ListAndWatch').response;
const device = { ID: 'a', health: 'Healthy', topology: { nodes: [{ ID: '0' }, { ID: '1' }] } };

test('fields of all depths count', () => {
  const bytes = list.encode({ devices: [device, {}] });
  // Two devices; ID, health and topology of one; its two nodes; their two ids.
  expect(list.parts(bytes, 1000)).toBe(2 + 3 + 2 + 2);
});

test('counting ends when there are too many', () => {
  const bytes = Buffer.alloc(4 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 2) bytes[at] = 0x0a;
  expect(list.parts(bytes, 100_000)).toBe(100_001);
  expect(list.parts(bytes, Number.POSITIVE_INFINITY)).toBe(2 * 1024 * 1024);
});

test.each([
  ['a message that ends early', Buffer.from([0x0a, 0x7f, 0x0a])],
  ['a length beyond its message', Buffer.from([0x0a, 0x02, 0x1a, 0x7f])],
  ['no message', Buffer.from([0xff, 0xff, 0xff])],
])('%s ends the count, and is left to the decoder', (_name, bytes) => {
  expect(list.parts(bytes, 1000)).toBeLessThan(10);
});
