import { readdirSync } from 'node:fs';
import { VolumeNode } from '../testing/fixtures.ts';

test('gitRepo is refused in kubelet 1.36 words, and leaves nothing', async () => {
  using node = new VolumeNode();
  const volume = { name: 'v', gitRepo: { repository: 'https://example.org/a.git' } };
  await expect(node.mount(volume)).rejects.toThrow(
    'MountVolume.SetUp failed for volume "v" : git-repo volume plugin has been disabled; if necessary, it may be re-enabled by enabling the feature-gate `GitRepoVolumeDriver`',
  );
  expect(readdirSync(node.root)).toEqual([]);
  expect(node.mounter.calls).toEqual([]);
});
