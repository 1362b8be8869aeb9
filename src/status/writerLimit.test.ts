import type { ApiClient } from '../api/client.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { RateLimiter } from '../lib/limiter.ts';
import { Mirrors } from '../pods/mirrors.ts';
import { PodTable } from '../pods/table.ts';
import { Recorder } from '../timeline/recorder.ts';
import type { Pod } from '../types/k8s.ts';
import { StatusWriter } from './writer.ts';

test('statuses of many Pods that change at once go out at kubeAPIQPS', async () => {
  const clock = new ManualClock();
  let patches = 0;
  const patch = async (_kind: string, { name }: { name: string }): Promise<Pod> => {
    patches += 1;
    return { metadata: { name, uid: name } };
  };
  const client = { patch } as Partial<ApiClient> as ApiClient;
  const limiter = new RateLimiter(clock, 50, 100);
  const parts = { client, clock, limiter, recorder: new Recorder(), mirrors: new Mirrors(), table: new PodTable() };
  using writer = new StatusWriter(parts);
  const pods = Array.from({ length: 400 }, (_, i) => ({
    metadata: { name: `p${i}`, namespace: 'ns', uid: `p${i}` },
    spec: { containers: [] },
  }));
  const change = (phase: string) => {
    for (const pod of pods) writer.publish(pod, { phase });
  };
  change('Failed');
  await clock.advanceAsync(0);
  expect(patches).toBe(100);
  await clock.advanceAsync(1000);
  expect(patches).toBeLessThanOrEqual(150);
  await clock.advanceAsync(5000);
  expect(patches).toBe(400);
});
