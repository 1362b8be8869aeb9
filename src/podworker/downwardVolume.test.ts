import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../lib/fake/until.ts';
import type { Volume } from '../types/k8s.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

test.each([
  ['downwardAPI', (items: object[]) => ({ downwardAPI: { items, defaultMode: 0o644 } }), 'downward-api'],
  [
    'projected',
    (items: object[]) => ({ projected: { defaultMode: 0o644, sources: [{ downwardAPI: { items } }] } }),
    'projected',
  ],
] as const)('changed labels appear in a %s volume of a running Pod', async (_name, source, plugin) => {
  const items = [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }];
  const mounts = [{ name: 'info', mountPath: '/info' }];
  const containers = [{ name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent', volumeMounts: mounts }];
  const pod = fakePod(
    'web',
    { volumes: [{ name: 'info', ...source(items) } as Volume], containers },
    { labels: { color: 'red' } },
  );
  t.node.setPod(pod);
  const read = () => {
    try {
      return readFileSync(
        join(t.world.root, 'pods', 'uid-web', 'volumes', `kubernetes.io~${plugin}`, 'info', 'labels'),
        'utf8',
      );
    } catch {
      return '';
    }
  };
  await until(() => read() === 'color="red"');
  t.node.setPod({ ...pod, metadata: { ...pod.metadata, labels: { color: 'blue' } } });
  await until(() => read() === 'color="blue"');
});
