import type { Pod } from '../../types/k8s.ts';
import { encodePod } from './encodePod.ts';

/** Every form in which JSON and protobuf differ: inlined messages, quantities, times, numbers or texts, maps, raw JSON, negative numbers. */
const pod = {
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u-1',
    labels: { app: 'web', é: '' },
    creationTimestamp: '2026-11-30T23:11:31Z',
    managedFields: [{ manager: 'kubectl', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': {} } }],
  },
  spec: {
    containers: [
      {
        name: 'main',
        image: 'img',
        args: ['a', ''],
        env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: false } } }],
        resources: { limits: { cpu: '100m', memory: '1Gi' } },
        livenessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 5 },
        readinessProbe: { tcpSocket: { port: 8080 } },
        securityContext: { runAsUser: 1000 },
      },
    ],
    ephemeralContainers: [{ name: 'debug', targetContainerName: 'main' }],
    volumes: [
      { name: 'conf', configMap: { name: 'cm', defaultMode: 420 } },
      { name: 'tmp', emptyDir: { sizeLimit: '1Mi' } },
    ],
    terminationGracePeriodSeconds: 0,
    hostNetwork: true,
    priority: -10,
  },
  status: {
    phase: 'Running',
    containerStatuses: [
      {
        name: 'main',
        state: { running: { startedAt: '2026-11-30T23:11:32Z' } },
        ready: true,
        restartCount: 3,
        image: 'img',
        imageID: 'sha256:1',
      },
    ],
  },
} as Pod;

/** Go's v1.Pod (k8s.io/api v0.36.3) reads these bytes with Unmarshal as it reads that JSON; so it does those of a Pod with every field set. */
const bytes = [
  'ClMKA3dlYhoEc2hvcCoDdS0xQgYIo4W42AZaCgoDYXBwEgN3ZWJaBgoCw6kSAIoBJAoHa3ViZWN0bDIIRmllbGRzVjE6DwoNeyJmOnNwZWMiOn',
  't9fRK4AQoUCgRjb25mEgyaAQkKBAoCY20YpAMKEAoDdG1wEgkSBxIFCgMxTWkSbAoEbWFpbhIDaW1nIgFhIgA6EQoBQRoMIgoKAwoBcxIBaxgA',
  'QiAKDQoDY3B1EgYKBDEwMG0KDwoGbWVtb3J5EgUKAzFHaVITCg8SDQoBLxIICAEaBGh0dHAgBVoLCgkaBwoFCAAQkD96AyDoB5ICDwoHCgVkZW',
  'J1ZxIEbWFpbiAAWAHIAfb//////////wEaMAoHUnVubmluZ0IlCgRtYWluEgoSCAoGCKSFuNgGIAEoAzIDaW1nOghzaGEyNTY6MQ==',
].join('');

test('a Pod is written as Go reads it', () => {
  expect(Buffer.from(encodePod(pod)).toString('base64')).toBe(bytes);
});

test('what is absent, null or of another kind than it should be is left out', () => {
  const wrong = {
    metadata: null,
    spec: { containers: 'none', nodeSelector: null, hostNetwork: 'yes' },
  } as unknown as Pod;
  expect(Buffer.from(encodePod(wrong)).toString('hex')).toBe('12025800');
  expect(encodePod({})).toHaveLength(0);
});
