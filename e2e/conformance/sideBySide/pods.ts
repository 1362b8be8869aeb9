export const namespace = 'side-by-side';

const meta = (name: string) => ({ name, namespace });

/** What the Pods refer to. */
export const objects = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('config'), data: { a: '1' } },
  { apiVersion: 'v1', kind: 'Secret', metadata: meta('secret'), stringData: { s: 'x' } },
];

const pod = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: meta(name),
  spec: { terminationGracePeriodSeconds: 1, ...spec },
});
const image = 'registry.k8s.io/e2e-test-images/busybox:1.37.0-1';
const forever = { image, command: ['sh', '-c', 'echo on; trap exit TERM; while :; do sleep 1; done'] };
const exec = { exec: { command: ['true'] }, periodSeconds: 1 };

/** A few Pods that set as many families going as Pods can: each kind of volume and probe, a crash, requests and limits. */
export const pods = [
  pod('volumes', {
    containers: [
      {
        name: 'main',
        ...forever,
        envFrom: [{ configMapRef: { name: 'config' } }],
        volumeMounts: ['config', 'secret', 'scratch', 'memory', 'down'].map((name) => ({
          name,
          mountPath: `/${name}`,
        })),
      },
    ],
    volumes: [
      { name: 'config', configMap: { name: 'config' } },
      { name: 'secret', secret: { secretName: 'secret' } },
      { name: 'scratch', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'down', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    ],
  }),
  pod('probes', {
    initContainers: [
      { name: 'init', image, command: ['true'] },
      { name: 'sidecar', ...forever, restartPolicy: 'Always' },
    ],
    containers: [{ name: 'main', ...forever, startupProbe: exec, readinessProbe: exec, livenessProbe: exec }],
  }),
  pod('guaranteed', {
    containers: [
      { name: 'main', ...forever, resources: { limits: { cpu: '100m', memory: '32Mi' } } },
      { name: 'other', ...forever, resources: { limits: { cpu: '100m', memory: '32Mi' } } },
    ],
  }),
  pod('crashes', { containers: [{ name: 'main', image, command: ['false'] }] }),
];
