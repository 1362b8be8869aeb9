// What containers are given: environment, files, and what happens when something is missing.
import assert from 'node:assert/strict';
import type { Container, EnvVar } from '../../src/types/k8s.ts';
import { outMount, outVolume, untilWritten, written } from '../lib/files.ts';
import { container, create, pod, rest, shell, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const volumeMounts = [outMount];
const mapsUrl = (t: TestContext): string => `/api/v1/namespaces/${t.namespace}/configmaps`;

async function makeObjects(t: TestContext): Promise<void> {
  await t.lab.api.create(mapsUrl(t), { metadata: { name: 'settings' }, data: { colour: 'blue', size: 'XL' } });
  const stringData = { password: 's3cret' };
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/secrets`, { metadata: { name: 'safe' }, stringData });
}

const environmentOf: EnvVar[] = [
  { name: 'PLAIN', value: 'one' },
  { name: 'EXPANDED', value: '$(PLAIN)-$(NOPE)-$$(PLAIN)' },
  { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
  { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'safe', key: 'password' } } },
  { name: 'ABSENT', valueFrom: { configMapKeyRef: { name: 'settings', key: 'nope', optional: true } } },
  { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
  { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
  { name: 'HOST_IP', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
  { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  { name: 'ACCOUNT', valueFrom: { fieldRef: { fieldPath: 'spec.serviceAccountName' } } },
  { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m' } } },
  { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'requests.memory', divisor: '1Mi' } } },
];

async function environment(t: TestContext): Promise<void> {
  await makeObjects(t);
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/services`, {
    metadata: { name: 'back-end' },
    spec: { ports: [{ port: 80, name: 'web' }], selector: { app: 'x' } },
  });
  const main: Container = shell('main', `env > /out/env.tmp; mv /out/env.tmp /out/env; ${rest}`, {
    volumeMounts,
    workingDir: '/usr',
    envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'S_', secretRef: { name: 'safe' } }],
    env: environmentOf,
    resources: { requests: { memory: '16Mi' }, limits: { cpu: '250m', memory: '32Mi' } },
  });
  await create(t, pod(t, 'env', { volumes: [outVolume(t)], containers: [main] }, { labels: { app: 'e2e' } }));
  const up = await untilReady(t, 'env');
  const lines = (await untilWritten(t, 'env')).split('\n').filter(Boolean);
  const seen = Object.fromEntries(lines.map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]));
  const expected = {
    PLAIN: 'one',
    EXPANDED: 'one-$(NOPE)-$(PLAIN)',
    COLOUR: 'blue',
    colour: 'blue',
    size: 'XL',
    PASSWORD: 's3cret',
    S_password: 's3cret',
    ABSENT: undefined,
    POD: 'env',
    LABEL: 'e2e',
    IP: up.status?.podIP,
    HOST_IP: up.status?.hostIP,
    NODE: t.lab.node,
    ACCOUNT: 'default',
    CPU: '250',
    MEMORY: '16',
    PWD: '/usr',
    HOSTNAME: 'env',
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    KUBERNETES_SERVICE_PORT: '443',
    BACK_END_SERVICE_PORT_WEB: '80',
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(seen[name], value, name);
}

async function volumes(t: TestContext): Promise<void> {
  await makeObjects(t);
  const script = [
    'cd /all && for f in cm/colour secret/password labels cpu own/colour own/password own/name; do echo "$f=$(cat $f)"; done > /out/files',
    'stat -c "%a" /all/secret/..data/password > /out/mode; stat -f -c "%T" /all/secret > /out/fs',
    'cp own/token /out/token; ls /var/run/secrets/kubernetes.io/serviceaccount > /out/account; touch /out/done',
    rest,
  ].join('; ');
  const mount = (name: string, mountPath: string, more = {}) => ({ name, mountPath, ...more });
  const main = shell('main', script, {
    volumeMounts: [
      outMount,
      mount('cm', '/all/cm'),
      mount('secret', '/all/secret'),
      mount('down', '/all/labels', { subPath: 'labels' }),
      mount('down', '/all/cpu', { subPath: 'cpu' }),
      mount('own', '/all/own'),
    ],
    resources: { limits: { cpu: '300m' } },
  });
  const labels = { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } };
  const cpu = { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } };
  const sources = [
    { configMap: { name: 'settings', items: [{ key: 'colour', path: 'colour' }] } },
    { secret: { name: 'safe' } },
    { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { serviceAccountToken: { path: 'token', audience: 'e2e', expirationSeconds: 3600 } },
  ];
  const all = [
    outVolume(t),
    { name: 'cm', configMap: { name: 'settings' } },
    { name: 'secret', secret: { secretName: 'safe', defaultMode: 0o400 } },
    { name: 'down', downwardAPI: { items: [labels, cpu] } },
    { name: 'own', projected: { sources } },
  ];
  const made = await create(t, pod(t, 'files', { volumes: all, containers: [main] }, { labels: { app: 'e2e' } }));
  await untilWritten(t, 'done', () => written(t, 'account') !== '' && written(t, 'token') !== '');
  const expected = [
    'cm/colour=blue',
    'secret/password=s3cret',
    'labels=app="e2e"',
    'cpu=300',
    'own/colour=blue',
    'own/password=s3cret',
    'own/name=files',
  ];
  assert.deepEqual(written(t, 'files').split('\n').filter(Boolean), expected);
  assert.equal(written(t, 'mode').trim(), '400');
  assert.equal(written(t, 'fs').trim(), 'tmpfs');
  assert.deepEqual(written(t, 'account').split('\n').filter(Boolean), ['ca.crt', 'namespace', 'token']);
  const claims = JSON.parse(Buffer.from(written(t, 'token').split('.')[1] ?? '', 'base64url').toString());
  assert.equal(claims.sub, `system:serviceaccount:${t.namespace}:default`);
  assert.deepEqual(claims.aud, ['e2e']);
  assert.equal(claims['kubernetes.io'].pod.uid, made.metadata?.uid);
}

async function updates(t: TestContext): Promise<void> {
  await makeObjects(t);
  const main = shell(
    'main',
    'while true; do cat /cm/colour > /out/seen.tmp && mv /out/seen.tmp /out/seen; sleep 0.1; done',
    {
      volumeMounts: [outMount, { name: 'cm', mountPath: '/cm' }],
    },
  );
  await create(
    t,
    pod(t, 'watch', {
      terminationGracePeriodSeconds: 1,
      volumes: [outVolume(t), { name: 'cm', configMap: { name: 'settings' } }],
      containers: [main],
    }),
  );
  await untilWritten(t, 'seen', (text) => text === 'blue');
  const start = performance.now();
  await t.lab.api.patch(`${mapsUrl(t)}/settings`, { data: { colour: 'red' } });
  await untilWritten(t, 'seen', (text) => text === 'red');
  t.note(`seen after ${Math.round(performance.now() - start)} ms`);
}

async function missingConfigMap(t: TestContext): Promise<void> {
  const main = shell('main', rest, { envFrom: [{ configMapRef: { name: 'late' } }] });
  await create(t, pod(t, 'waits', { containers: [main] }));
  const held = await untilPod(
    t,
    'waits',
    'to wait for its ConfigMap',
    (p) => container(p, 'main')?.state?.waiting?.reason === 'CreateContainerConfigError',
  );
  assert.equal(container(held, 'main')?.state?.waiting?.message, 'configmap "late" not found');
  const start = performance.now();
  await t.lab.api.create(mapsUrl(t), { metadata: { name: 'late' }, data: { a: 'b' } });
  const up = await untilReady(t, 'waits');
  assert.equal(container(up, 'main')?.restartCount, 0);
  t.note(`Ready ${Math.round(performance.now() - start)} ms after the ConfigMap appeared`);
}

async function commandAndUser(t: TestContext): Promise<void> {
  const script =
    'echo "$0 $1" > /out/argv; id > /out/id; cat /proc/self/status | grep -E "NoNewPrivs|CapEff" > /out/caps; touch /etc/x 2> /out/ro; exit 0';
  const main = shell('main', '', {
    command: ['sh', '-c', script],
    args: ['$(WHO)', 'two'],
    env: [{ name: 'WHO', value: 'me' }],
    volumeMounts,
    securityContext: {
      runAsUser: 1234,
      runAsGroup: 2345,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
  });
  await t.lab.onNode('chmod', '777', t.directory);
  await create(
    t,
    pod(t, 'who', {
      restartPolicy: 'Never',
      securityContext: { fsGroup: 3456, supplementalGroups: [4567] },
      volumes: [outVolume(t)],
      containers: [main],
    }),
  );
  await untilPod(t, 'who', 'to succeed', (p) => p.status?.phase === 'Succeeded');
  assert.equal(written(t, 'argv').trim(), 'me two');
  assert.match(written(t, 'id'), /uid=1234 gid=2345 groups=2345,3456,4567/);
  assert.match(written(t, 'caps'), /CapEff:\s+0000000000000000[\s\S]*NoNewPrivs:\s+1/);
  assert.match(written(t, 'ro'), /Read-only file system/);
}

export const inputs = group('inputs', [
  test('environment from every source', environment),
  test('files from configMap, secret, downwardAPI, projected and token volumes', volumes),
  test('an updated ConfigMap shows in its volume', updates),
  test('CreateContainerConfigError ends when the ConfigMap appears', missingConfigMap),
  test('command, arguments and security context', commandAndUser),
]);
