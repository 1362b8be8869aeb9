import type { Container } from '../../types/k8s.ts';
import { lookups, pod, problems, values } from './envFixtures.ts';
import { envFileReferences, envReferences } from './envReferences.ts';
import type { EnvLookups } from './envTypes.ts';
import { testContainer } from './fixtures.ts';

describe('problems', () => {
  const from = (valueFrom: object) => ({ env: [{ name: 'A', valueFrom }] });
  test.each<[string, Partial<Container>, string, string]>([
    ['ConfigMap', { envFrom: [{ configMapRef: { name: 'gone' } }] }, 'notFound', 'configmap "gone" not found'],
    ['Secret', { envFrom: [{ secretRef: { name: 'gone' } }] }, 'notFound', 'secret "gone" not found'],
    [
      'ConfigMap of a key',
      from({ configMapKeyRef: { name: 'gone', key: 'k' } }),
      'notFound',
      'configmap "gone" not found',
    ],
    [
      'key',
      from({ configMapKeyRef: { name: 'cm', key: 'k' } }),
      'keyMissing',
      "couldn't find key k in ConfigMap ns/cm",
    ],
    [
      'key of a Secret',
      from({ secretKeyRef: { name: 'sec', key: 'k' } }),
      'keyMissing',
      "couldn't find key k in Secret ns/sec",
    ],
    [
      'property names are no keys',
      from({ configMapKeyRef: { name: 'cm', key: 'constructor' } }),
      'keyMissing',
      "couldn't find key constructor in ConfigMap ns/cm",
    ],
    [
      'not read yet',
      from({ configMapKeyRef: { name: 'new', key: 'k', optional: true } }),
      'notRead',
      'failed to sync configmap cache: timed out waiting for the condition',
    ],
    [
      'refused',
      { envFrom: [{ configMapRef: { name: 'denied', optional: true } }] },
      'notRead',
      'no relationship found',
    ],
    [
      'field',
      from({ fieldRef: { fieldPath: 'status.qosClass' } }),
      'invalid',
      'field label not supported: status.qosClass',
    ],
    [
      'known but unreadable field',
      from({ fieldRef: { fieldPath: 'status.phase' } }),
      'invalid',
      'unsupported fieldPath: status.phase',
    ],
    [
      'subscript',
      from({ fieldRef: { fieldPath: "spec.x['y']" } }),
      'invalid',
      "field label does not support subscript: spec.x['y']",
    ],
    [
      'version',
      from({ fieldRef: { apiVersion: 'v2', fieldPath: 'metadata.name' } }),
      'invalid',
      'unsupported pod version: v2',
    ],
    [
      'resource',
      from({ resourceFieldRef: { resource: 'limits.gpu' } }),
      'invalid',
      'unsupported container resource : limits.gpu',
    ],
    [
      'volume of a file',
      from({ fileKeyRef: { volumeName: 'v', path: 'f', key: 'k' } }),
      'file',
      'cannot find the volume "v" referenced by FileKeyRef',
    ],
  ])('%s', (_name, container, kind, message) => {
    expect(problems(container)).toMatchObject([{ kind, message }]);
  });

  test('all of them, in order', () => {
    const container = {
      envFrom: [{ secretRef: { name: 'gone' } }],
      ...from({ configMapKeyRef: { name: 'gone', key: 'k' } }),
    };
    expect(problems(container)).toEqual([
      {
        kind: 'notFound',
        message: 'secret "gone" not found',
        reference: { kind: 'Secret', namespace: 'ns', name: 'gone', optional: false },
      },
      {
        kind: 'notFound',
        message: 'configmap "gone" not found',
        reference: { kind: 'ConfigMap', namespace: 'ns', name: 'gone', optional: false },
      },
    ]);
  });

  test.each<[string, Partial<Container>, Partial<EnvLookups>, string]>([
    [
      'no API server',
      { envFrom: [{ secretRef: { name: 's' } }] },
      { hasApiServer: false },
      "couldn't get secret ns/s, no kubeClient defined",
    ],
    [
      'no API server',
      from({ configMapKeyRef: { name: 'c', key: 'k' } }),
      { hasApiServer: false },
      "couldn't get configMap ns/c, no kubeClient defined",
    ],
    [
      'no node',
      from({ resourceFieldRef: { resource: 'limits.cpu' } }),
      { allocatable: null },
      'failed to find node object, expected a node',
    ],
    [
      'no address',
      from({ fieldRef: { fieldPath: 'status.hostIP' } }),
      { hostIPs: [] },
      'host IP unknown; known addresses: []',
    ],
  ])('%s', (_name, container, more, message) => {
    expect(problems(container, { ...lookups, ...more })).toMatchObject([{ message }]);
  });
});

describe('fileKeyRef', () => {
  const file = (content: string) => ({
    ...lookups,
    files: new Map([['v\0d/f', { state: 'found' as const, hostPath: '/vol/d/f', content: Buffer.from(content) }]]),
  });
  const ref = (key: string, optional = false) => ({
    env: [{ name: 'A', valueFrom: { fileKeyRef: { volumeName: 'v', path: 'd/f', key, optional } } }],
  });

  test('value, text and bytes', () => expect(values(ref('K'), file("K='zwölf'\n"))).toEqual({ A: 'zwölf' }));
  test('absent', () => {
    expect(values(ref('X', true), file("K='1'"))).toEqual({});
    expect(problems(ref('X'), file("K='1'"))).toEqual([
      { kind: 'file', message: 'environment variable key "X" not found in file "/vol/d/f"' },
    ]);
  });
  test('not of the form, or not readable, is an error even if optional', () => {
    const wanted = [{ kind: 'file', message: "couldn't parse env file" }];
    expect(problems(ref('X', true), file('K=1'))).toEqual(wanted);
    const files = new Map([['v\0d/f', { state: 'unreadable' as const, message: 'EACCES' }]]);
    expect(problems(ref('X', true), { ...lookups, files })).toEqual(wanted);
  });
  test('what is refused is told, optional or not', () => {
    const files = new Map([['v\0d/f', { state: 'refused' as const, message: '"d/f" is a pipe' }]]);
    const wanted = [{ kind: 'file', message: 'couldn\'t parse env file: "d/f" is a pipe' }];
    expect(problems(ref('X', true), { ...lookups, files })).toEqual(wanted);
  });
  test('the files to read', () => {
    const container = testContainer({ env: [...ref('K').env, ...ref('X').env, { name: 'B', value: '1' }] });
    expect(envFileReferences(container)).toEqual([{ volumeName: 'v', path: 'd/f' }]);
  });
});

test('envReferences: each object once, optional only if all its references are', () => {
  const container = testContainer({
    envFrom: [{ configMapRef: { name: 'a', optional: true } }, { secretRef: { name: 'a' } }, {}],
    env: [
      { name: '1', valueFrom: { configMapKeyRef: { name: 'a', key: 'k' } } },
      { name: '2', valueFrom: { secretKeyRef: { name: 'b', key: 'k', optional: true } } },
      { name: '3', value: 'x', valueFrom: { secretKeyRef: { name: 'unused', key: 'k' } } },
      { name: '4', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
  });
  const namespace = 'ns';
  expect(envReferences(pod, container)).toEqual([
    { kind: 'ConfigMap', namespace, name: 'a', optional: false },
    { kind: 'Secret', namespace, name: 'a', optional: false },
    { kind: 'Secret', namespace, name: 'b', optional: true },
  ]);
});
