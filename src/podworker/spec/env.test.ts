import type { Container, Pod, Service } from '../../types/k8s.ts';
import { base64, lookups, pod, problems, resolve, values } from './envFixtures.ts';
import { testContainer, testPod } from './fixtures.ts';

const service = (name: string, namespace: string, clusterIP = '1.2.3.4'): Service => ({
  metadata: { name, namespace },
  spec: { clusterIP, ports: [{ port: 80 }] },
});
describe('resolveEnv', () => {
  test.each<[string, Partial<Container>, Record<string, string>]>([
    ['nothing', {}, {}],
    ['plain', { env: [{ name: 'A', value: 'b' }, { name: 'B' }] }, { A: 'b', B: '' }],
    [
      'earlier variables expand',
      {
        env: [
          { name: 'A', value: 'x' },
          { name: 'B', value: '$(A)-$(C)' },
          { name: 'C', value: '1' },
        ],
      },
      { A: 'x', B: 'x-$(C)', C: '1' },
    ],
    [
      'the last value of a name counts',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '$(A)2' },
        ],
      },
      { A: '12' },
    ],
    [
      'escapes',
      {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: '$$(A) $$$(A)' },
        ],
      },
      { A: '1', B: '$(A) $1' },
    ],
    [
      'envFrom ConfigMap, names as they are',
      { envFrom: [{ configMapRef: { name: 'cm' } }] },
      { KEY: 'value', '1-bad key': 'kept' },
    ],
    [
      'envFrom with prefix',
      { envFrom: [{ prefix: 'P_', secretRef: { name: 'sec' } }] },
      { P_PASS: 's3cret', P_REF: '$(PASS)' },
    ],
    [
      'later envFrom wins, env wins over it',
      {
        envFrom: [{ configMapRef: { name: 'cm' } }, { prefix: '', configMapRef: { name: 'cm' } }],
        env: [{ name: 'KEY', value: '$(KEY)!' }],
      },
      { KEY: 'value!', '1-bad key': 'kept' },
    ],
    [
      'env expands envFrom',
      { envFrom: [{ secretRef: { name: 'sec' } }], env: [{ name: 'URL', value: 'u:$(PASS)@$(REF)' }] },
      { PASS: 's3cret', REF: '$(PASS)', URL: 'u:s3cret@$(PASS)' },
    ],
    [
      'keys',
      {
        env: [
          { name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'KEY' } } },
          { name: 'B', valueFrom: { secretKeyRef: { name: 'sec', key: 'REF' } } },
        ],
      },
      { A: 'value', B: '$(PASS)' },
    ],
    [
      'optional objects and keys are left out',
      {
        envFrom: [{ configMapRef: { name: 'gone', optional: true } }, { secretRef: { name: 'gone', optional: true } }],
        env: [
          { name: 'A', valueFrom: { configMapKeyRef: { name: 'gone', key: 'k', optional: true } } },
          { name: 'B', valueFrom: { configMapKeyRef: { name: 'cm', key: 'k', optional: true } } },
          { name: 'C', valueFrom: { secretKeyRef: { name: 'gone', key: 'k', optional: true } } },
          { name: 'D', valueFrom: { secretKeyRef: { name: 'sec', key: 'k', optional: true } } },
        ],
      },
      {},
    ],
    [
      'a value beats valueFrom',
      { env: [{ name: 'A', value: 'x', valueFrom: { configMapKeyRef: { name: 'gone', key: 'k' } } }] },
      { A: 'x' },
    ],
    [
      'the downward API',
      {
        env: Object.entries({
          NAME: 'metadata.name',
          NS: 'metadata.namespace',
          UID: 'metadata.uid',
          LABEL: "metadata.labels['app']",
          ANNOTATION: "metadata.annotations['a.b/C']",
          NONE: "metadata.labels['none']",
          LABELS: 'metadata.labels',
          NODE: 'spec.nodeName',
          OLD: 'spec.host',
          SA: 'spec.serviceAccountName',
          HOST: 'status.hostIP',
          HOSTS: 'status.hostIPs',
          IP: 'status.podIP',
          IPS: 'status.podIPs',
        }).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } })),
      },
      {
        NAME: 'p',
        NS: 'ns',
        UID: 'uid',
        LABEL: 'x',
        ANNOTATION: 'y',
        NONE: '',
        LABELS: 'app="x"',
        NODE: 'node-1',
        OLD: 'node-1',
        SA: 'sa',
        HOST: '192.168.0.1',
        HOSTS: '192.168.0.1,fd00::1',
        IP: '10.0.0.1',
        IPS: '10.0.0.1,fd00::2',
      },
    ],
    [
      'resources',
      {
        resources: { limits: { cpu: '1500m' }, requests: { memory: '1Mi' } },
        env: [
          { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          { name: 'MEM', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Gi' } } },
          { name: 'REQ', valueFrom: { resourceFieldRef: { resource: 'requests.memory' } } },
        ],
      },
      { CPU: '2', MEM: '8', REQ: '1048576' },
    ],
  ])('%s', (_name, container, wanted) => expect(values(container)).toEqual(wanted));

  test('a variable set earlier stays when the optional source of its second definition is absent', () => {
    const valueFrom = { configMapKeyRef: { name: 'gone', key: 'k', optional: true } };
    expect(
      values({
        env: [
          { name: 'A', value: '1' },
          { name: 'A', valueFrom },
        ],
      }),
    ).toEqual({ A: '1' });
  });

  test('resources of another container; only regular ones get default limits', () => {
    const p = testPod({
      containers: [testContainer({ name: 'other' })],
      initContainers: [testContainer({ name: 'init' })],
    });
    const of = (containerName: string) => ({
      env: [{ name: 'A', valueFrom: { resourceFieldRef: { containerName, resource: 'limits.cpu' } } }],
    });
    expect(values(of('other'), lookups, p)).toEqual({ A: '4' });
    expect(values(of('init'), lookups, p)).toEqual({ A: '0' });
    expect(problems(of('nobody'), lookups, p)).toEqual([{ kind: 'invalid', message: 'container nobody not found' }]);
  });

  test('secrets that are no text keep their bytes, through expansion too', () => {
    const bytes = Buffer.from([0xff, 0x41, 0xc3, 0x28]);
    const secrets = new Map([['raw', { state: 'found' as const, object: { data: { B: base64(bytes) } } }]]);
    const result = resolve(
      { envFrom: [{ secretRef: { name: 'raw' } }], env: [{ name: 'É', value: 'é$(B)' }] },
      { ...lookups, secrets },
    );
    expect(result).toEqual({
      env: [
        { name: 'B', value: '\ufffdA\ufffd(', raw: bytes },
        { name: 'É', value: 'é\ufffdA\ufffd(', raw: Buffer.concat([Buffer.from('é'), bytes]) },
      ],
    });
  });
});

test('a source of a kind that this version does not know is a problem, not an empty value', () => {
  const unknown = { dreamRef: { name: 'x' } } as object;
  expect(problems({ env: [{ name: 'A', valueFrom: unknown }], envFrom: [unknown, {}] }).map((p) => p.message)).toEqual([
    'envFrom has a source of unknown kind "dreamRef"',
    'environment variable "A" has a source of unknown kind "dreamRef"',
  ]);
  expect(values({ env: [{ name: 'A', valueFrom: {} }], envFrom: [{ prefix: 'P' }] })).toEqual({ A: '' });
});

describe('service variables', () => {
  const services = [
    service('kubernetes', 'default'),
    service('mine', 'ns', '5.6.7.8'),
    service('theirs', 'other'),
    service('headless', 'ns', 'None'),
    service('none', 'ns', ''),
  ];
  const hosts = (p: Pod, container: Partial<Container> = {}, look = { ...lookups, services }) =>
    Object.keys(values(container, look, p)).filter((name) => name.endsWith('_HOST'));

  test('those of the namespace and kubernetes', () => {
    expect(hosts(pod)).toEqual(['KUBERNETES_SERVICE_HOST', 'MINE_SERVICE_HOST']);
    expect(hosts(testPod({ enableServiceLinks: false }))).toEqual(['KUBERNETES_SERVICE_HOST']);
  });
  test('one named kubernetes of the own namespace wins, in either order', () => {
    for (const list of [
      [service('kubernetes', 'default'), service('kubernetes', 'ns', '9.9.9.9')],
      [service('kubernetes', 'ns', '9.9.9.9'), service('kubernetes', 'default')],
    ]) {
      expect(values({}, { ...lookups, services: list })).toMatchObject({ KUBERNETES_SERVICE_HOST: '9.9.9.9' });
    }
  });
  test('env and envFrom win over them, and env can refer to them', () => {
    const env = [
      { name: 'HERE', value: '$(MINE_SERVICE_HOST)' },
      { name: 'MINE_SERVICE_HOST', value: 'own' },
    ];
    expect(values({ env }, { ...lookups, services })).toMatchObject({ HERE: '5.6.7.8', MINE_SERVICE_HOST: 'own' });
  });
  test('without an API server there are none', () => {
    expect(values({}, { ...lookups, hasApiServer: false, services: null })).toEqual({});
  });
  test('not before they were read, but for static Pods', () => {
    const message = 'services have not yet been read at least once, cannot construct envvars';
    expect(problems({}, { ...lookups, services: null })).toEqual([{ kind: 'notRead', message }]);
    const staticPod = testPod({}, { annotations: { 'kubernetes.io/config.source': 'file' } });
    expect(values({}, { ...lookups, services: null }, staticPod)).toEqual({});
  });
  test('a Pod that does not say whether it wants them is refused', () => {
    const p = { ...pod, spec: { containers: [] } };
    const message = 'nil pod.spec.enableServiceLinks encountered, cannot construct envvars';
    expect(problems({}, lookups, p)[0]).toEqual({ kind: 'invalid', message });
  });
});

test('no text makes it throw', () => {
  const parts = ['$', '(', ')', '$(', '$$', 'A', '\0', '😀', '\ud800', '=', '\n', '__proto__', 'é'];
  let seed = 7;
  const next = () => (seed = (seed * 48271) % 2147483647);
  const text = () => Array.from({ length: next() % 12 }, () => parts[next() % parts.length]).join('');
  for (let i = 0; i < 2000; i++) {
    const env = Array.from({ length: 4 }, () => ({ name: text(), value: text() }));
    const result = resolve({ env });
    expect(result).toHaveProperty('env');
  }
});
