import { fakePod } from './fake/fakePod.ts';
import { planPod } from './plan.ts';

const container = (name: string, more: object = {}) => ({
  name,
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent',
  ...more,
});
const flat = (steps: ReturnType<typeof planPod>) => steps.flatMap((s) => s.actions);

test('sandbox, images and volumes are side by side, containers start in order', () => {
  const mount = { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  const pod = fakePod('web', {
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: [container('a', mount), container('b')],
  });
  const steps = planPod(pod).map((s) => s.actions);
  expect(steps[0]).toEqual(['reserve resources and host ports']);
  expect(steps.find((s) => s.includes('create the Pod sandbox'))).toContain('set up volume data');
  const order = steps.flat();
  expect(order.indexOf('start container a')).toBeLessThan(order.indexOf('start container b'));
  expect(steps.some((s) => s.includes('start container a') && s.includes('start container b'))).toBe(false);
});

test('init containers one after the other, then a sidecar, then the main container', () => {
  const pod = fakePod('web', {
    initContainers: [container('one'), container('two'), container('side', { restartPolicy: 'Always' })],
    containers: [container('main')],
  });
  const starts = flat(planPod(pod)).filter((a) => a.startsWith('start container'));
  expect(starts).toEqual([
    'start container one',
    'start container two',
    'start container side',
    'start container main',
  ]);
});

test('planning twice gives the same', () => {
  expect(planPod(fakePod('web'))).toEqual(planPod(fakePod('web')));
});
