import { Metrics } from '../../k8s/metrics/metrics.ts';
import type { Action } from '../../podworker/rules/actions.ts';
import type { Pod } from '../../types/k8s.ts';
import { ImageVolumeMetrics } from './imageVolumeMetrics.ts';

const pod = {
  spec: {
    volumes: [
      { name: 'a', image: { reference: 'r.io/a' } },
      { name: 'b', image: { reference: 'r.io/b' } },
      { name: 'c' },
    ],
    containers: [{ name: 'main', volumeMounts: [{ name: 'a' }, { name: 'c' }] }, { name: 'bare' }],
  },
} as Pod;
const action = (kind: 'createContainer' | 'startContainer', container = 'main') => ({ kind, container }) as Action;

test.each<[string, Action, unknown, number[]]>([
  ['a container is made: not over', action('createContainer'), undefined, [0, 0, 0]],
  ['it was started', action('startContainer'), undefined, [2, 1, 0]],
  ['one without mounts', action('startContainer', 'bare'), undefined, [2, 0, 0]],
  ['the mount failed', action('createContainer'), new Error('ImageVolumeMountFailed: no such path'), [2, 0, 1]],
  [
    'with its code',
    action('createContainer'),
    new Error('rpc error: code = Internal desc = ImageVolumeMountFailed: x'),
    [2, 0, 1],
  ],
  ['something else failed', action('createContainer'), new Error('no cgroup'), [2, 1, 0]],
])('%s', async (_what, what, error, [requested, succeeded, failed]) => {
  const m = new Metrics();
  const volumes = new ImageVolumeMetrics(m);
  volumes.action(pod, what, error);
  volumes.action(null, what, error);
  volumes.action({ spec: { containers: [{ name: 'main' }] } } as Pod, what, error);
  const text = await m.text();
  expect(text).toContain(`kubelet_image_volume_requested_total ${requested}`);
  expect(text).toContain(`kubelet_image_volume_mounted_succeed_total ${succeeded}`);
  expect(text).toContain(`kubelet_image_volume_mounted_errors_total ${failed}`);
});
