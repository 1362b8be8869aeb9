import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VolumeNode } from '../testing/fixtures.ts';

let node: VolumeNode;
beforeEach(() => {
  node = new VolumeNode();
});
afterEach(() => node[Symbol.dispose]());

describe('downwardAPI', () => {
  test('writes fields and resources', async () => {
    const items = [
      { path: './labels', fieldRef: { fieldPath: 'metadata.labels' } },
      { path: 'mem', mode: 0o400, resourceFieldRef: { containerName: 'c', resource: 'limits.memory', divisor: '1Mi' } },
    ];
    const mounted = await node.mount({ name: 'v', downwardAPI: { defaultMode: 0o644, items } });
    expect(readFileSync(join(mounted.hostPath, 'labels'), 'utf8')).toBe('app="web"\ntier="a\\"b"');
    expect(readFileSync(join(mounted.hostPath, 'mem'), 'utf8')).toBe('1024');
  });

  test.each([
    [{ path: 'x', fieldRef: { fieldPath: 'status.podIP' } }, 'unsupported fieldPath: status.podIP'],
    [{ path: 'x', resourceFieldRef: { containerName: 'zz', resource: 'limits.cpu' } }, 'container zz not found'],
  ])('%j fails', async (item, message) => {
    await expect(node.mount({ name: 'v', downwardAPI: { defaultMode: 0o644, items: [item] } })).rejects.toThrow(
      message,
    );
  });
});
