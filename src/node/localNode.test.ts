import { connectCri } from '../cri/client.ts';
import { startFakeCri } from '../cri/fake/fakeCri.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { testSettings } from './fake/facts.ts';
import { LocalNode, type LocalNodeOptions } from './localNode.ts';

test('a deleted Node keeps its labels for the Pods that go on, and has no UID that a mirror Pod could belong to', async () => {
  await using runtime = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: runtime.endpoint });
  const options = { settings: testSettings, rootDir: '/', cri, clock: new ManualClock(), log: silentLogger };
  using side = await LocalNode.create(options as unknown as LocalNodeOptions);
  const labels = { zone: 'a' };
  side.seen({ metadata: { name: 'node-1', uid: 'first', resourceVersion: '7', labels } });
  expect(side.node.metadata?.uid).toBe('first');
  side.seen(undefined);
  expect(side.node.metadata).toEqual({ name: 'node-1', labels });
  side.seen({ metadata: { name: 'node-1', uid: 'second' } });
  expect(side.node.metadata?.uid).toBe('second');
});
