import type { Container, LifecycleHandler, ObjectMeta, PodSpec } from '../../types/k8s.ts';
import { containerAnnotations } from './annotations.ts';
import { containerHash } from './containerHash.ts';
import { testContainer, testPod } from './fixtures.ts';
import { containerLabels, sandboxLabels } from './labels.ts';

// Vectors printed by the Go function of 1.36.3.
test.each([
  ['test_container', 'foo/image:v1', '8e45cbd0'],
  ['', '', 'edd67cc4'],
  ['web', 'nginx:1.27', 'e220f96'],
  [
    'app',
    'registry.k8s.io/pause:3.10@sha256:ee6521f290b2168b6e0935a181d4cff9be1ac3f505666ef0e3c98fae8199917a',
    '60f3b2d7',
  ],
  ['a<b>&c', 'x"y\\z', 'e8b93c7b'],
  ['zwölf', '日本', '5f3e1db3'],
  ['c4', 'i', '2b3c35c5'],
  ['c437', 'i', '52bf31'],
])('the hash of %j with image %j', (name, image, wanted) => expect(containerHash({ name, image })).toBe(wanted));

describe('containerAnnotations', () => {
  const always = {
    'io.kubernetes.container.hash': containerHash({ name: 'c', image: 'i' }),
    'io.kubernetes.container.restartCount': '3',
    'io.kubernetes.container.terminationMessagePath': '',
    'io.kubernetes.container.terminationMessagePolicy': '',
  };
  test.each<[string, Partial<Container>, Partial<PodSpec>, Partial<ObjectMeta>, Record<string, string>]>([
    ['nothing more', {}, {}, {}, {}],
    [
      'termination message',
      { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' },
      {},
      {},
      {
        'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
        'io.kubernetes.container.terminationMessagePolicy': 'File',
      },
    ],
    [
      'grace periods, zero too',
      {},
      { terminationGracePeriodSeconds: 0 },
      { deletionGracePeriodSeconds: 7 },
      { 'io.kubernetes.pod.terminationGracePeriod': '0', 'io.kubernetes.pod.deletionGracePeriod': '7' },
    ],
    [
      'ports',
      {
        ports: [
          { protocol: 'TCP', containerPort: 80, name: 'web', hostPort: 0 },
          { hostIP: '::1', containerPort: 1, hostPort: 2 },
        ],
      },
      {},
      {},
      {
        'io.kubernetes.container.ports':
          '[{"name":"web","containerPort":80,"protocol":"TCP"},{"hostPort":2,"containerPort":1,"hostIP":"::1"}]',
      },
    ],
    ['no ports', { ports: [] }, {}, {}, {}],
  ])('%s', (_name, container, spec, metadata, more) => {
    const pod = testPod(spec, metadata);
    expect(containerAnnotations(pod, testContainer(container), 3)).toEqual({ ...always, ...more });
  });

  test.each<[LifecycleHandler, string]>([
    [
      { exec: { command: ['sh', '-c', 'a && b > c'] } },
      '{"exec":{"command":["sh","-c","a \\u0026\\u0026 b \\u003e c"]}}',
    ],
    [{ exec: { command: [] } }, '{"exec":{}}'],
    [{ sleep: { seconds: 5 } }, '{"sleep":{"seconds":5}}'],
    [{ tcpSocket: { host: 'h', port: 'web' } }, '{"tcpSocket":{"port":"web","host":"h"}}'],
    [
      { httpGet: { scheme: 'HTTP', host: '', port: 8080, path: '/x', httpHeaders: [{ value: 'v', name: 'N' }] } },
      '{"httpGet":{"path":"/x","port":8080,"scheme":"HTTP","httpHeaders":[{"name":"N","value":"v"}]}}',
    ],
    [{}, '{}'],
  ])('preStop %j', (preStop, wanted) => {
    const annotations = containerAnnotations(testPod(), testContainer({ lifecycle: { preStop } }), 0);
    expect(annotations['io.kubernetes.container.preStopHandler']).toBe(wanted);
  });

  test('devices cannot set the kubelet’s own', () => {
    const fromDevices = { 'io.kubernetes.container.restartCount': '99', 'example.com/gpu': '0' };
    const annotations = containerAnnotations(testPod(), testContainer(), 3, fromDevices);
    expect(annotations).toEqual({ ...always, 'example.com/gpu': '0' });
  });
});

test('labels: a Pod cannot pass for another one', () => {
  const pod = testPod({}, { labels: { app: 'x', 'io.kubernetes.pod.uid': 'forged' } });
  const identity = {
    'io.kubernetes.pod.name': 'p',
    'io.kubernetes.pod.namespace': 'ns',
    'io.kubernetes.pod.uid': 'uid',
  };
  expect(sandboxLabels(pod)).toEqual({ app: 'x', ...identity });
  expect(containerLabels(pod, 'c')).toEqual({ ...identity, 'io.kubernetes.container.name': 'c' });
});
