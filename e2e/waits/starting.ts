// Why a Pod does not start: provoked, and asked for.
import { waitFor } from '../../hack/lib/wait.ts';
import type { ReasonCode } from '../../src/timeline/reasons.ts';
import type { Container, PodSpec } from '../../src/types/k8s.ts';
import { expectWait } from '../lib/expectWait.ts';
import { outMount, outVolume } from '../lib/files.ts';
import { mirrorName, removeManifest, staticPod, writeManifest } from '../lib/manifests.ts';
import { create, pod, rest, restingPod, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

type Case = readonly [name: string, spec: (t: TestContext) => Partial<PodSpec>, code: ReasonCode, sentence: RegExp];

const main = (more: Partial<Container>): Partial<PodSpec> => ({ containers: [shell('main', rest, more)] });
const from = (valueFrom: object): Partial<PodSpec> => main({ env: [{ name: 'A', valueFrom }] });
const withVolume = (source: object): Partial<PodSpec> => ({
  containers: [shell('main', rest, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
  volumes: [{ name: 'v', ...source }],
});

const cases: readonly Case[] = [
  [
    'image missing',
    () => main({ image: 'example.com/no/such:1' }),
    'ImagePullBackOff',
    /^container main: image "example\.com\/no\/such:1" could not be pulled: .*not found.*; next try in [\d.]+ s; hint: there is no such image: /,
  ],
  [
    'image never pulled',
    () => main({ image: 'example.com/no/such:2', imagePullPolicy: 'Never' }),
    'ImageUnusable',
    /^container main: image "example\.com\/no\/such:2": ErrImageNeverPull: Container image "example\.com\/no\/such:2" is not present with pull policy of Never; hint: load the image onto the node, /,
  ],
  [
    'ResourceClaims',
    () => ({ ...main({}), resourceClaims: [{ name: 'gpu', resourceClaimName: 'none' }] }),
    'DynamicResources',
    /^the Pod's ResourceClaims cannot be prepared: prepare dynamic resources: fetch ResourceClaim none: .*; next try in [\d.]+ s$/,
  ],
  [
    'image name invalid',
    () => main({ image: 'Not/A/Name:!' }),
    'ImageUnusable',
    /^container main: image "Not\/A\/Name:!": InvalidImageName: /,
  ],
  [
    'ConfigMap missing',
    () => main({ envFrom: [{ configMapRef: { name: 'none' } }] }),
    'ContainerConfig',
    /^container main cannot be made from its spec: CreateContainerConfigError: configmap "none" not found/,
  ],
  [
    'Secret missing',
    () => from({ secretKeyRef: { name: 'none', key: 'k' } }),
    'ContainerConfig',
    /^container main cannot be made from its spec: CreateContainerConfigError: secret "none" not found/,
  ],
  [
    'key missing',
    () => from({ configMapKeyRef: { name: 'kube-root-ca.crt', key: 'nope' } }),
    'ContainerConfig',
    /CreateContainerConfigError: couldn't find key nope in ConfigMap \S+\/kube-root-ca\.crt/,
  ],
  [
    'runAsNonRoot',
    () => main({ securityContext: { runAsNonRoot: true } }),
    'ContainerConfig',
    /CreateContainerConfigError: container has runAsNonRoot and image will run as root/,
  ],
  [
    'ConfigMap of a volume missing',
    () => withVolume({ configMap: { name: 'none' } }),
    'VolumeFailed',
    /^volume v could not be set up: .*configmap.*"none".*not found.*; next try in/,
  ],
  [
    'Secret of a volume missing',
    () => withVolume({ secret: { secretName: 'none' } }),
    'VolumeFailed',
    /^volume v could not be set up: .*secret.*"none".*not found/,
  ],
  [
    'hostPath of another type',
    () => withVolume({ hostPath: { path: '/etc/passwd', type: 'Directory' } }),
    'VolumeFailed',
    /^volume v could not be set up: .*hostPath type check failed: \/etc\/passwd is not a directory/,
  ],
  [
    'no such command',
    () => main({ command: ['/no/such/command'] }),
    'ContainerFailed',
    /^container main could not be started: RunContainerError: .*\/no\/such\/command.*no such file or directory/,
  ],
  [
    'crash-loop back-off',
    () => ({ containers: [shell('main', 'exit 9')] }),
    'CrashLoopBackOff',
    /^container main ended with code 9 \(1 restarts so far\) and waits out its 10 s back-off; next try in/,
  ],
  [
    'init container running',
    () => ({ ...main({}), initContainers: [shell('first', rest)] }),
    'InitContainer',
    /^init container first is running$/,
  ],
  [
    'after an init container',
    () => ({ ...main({}), initContainers: [shell('first', rest)] }),
    'AfterContainer',
    /^container main starts after first$/,
  ],
  [
    'sidecar starting up',
    () => ({
      ...main({}),
      initContainers: [
        shell('side', rest, {
          restartPolicy: 'Always',
          startupProbe: { tcpSocket: { port: 1 }, failureThreshold: 999 },
        }),
      ],
    }),
    'InitContainer',
    /^init container side is starting up$/,
  ],
  [
    'startup probe',
    () => main({ startupProbe: { tcpSocket: { port: 1 }, failureThreshold: 999, periodSeconds: 1 } }),
    'StartupProbe',
    /^container main has not passed its startup probe: .*connect/,
  ],
  [
    'readiness probe',
    () => main({ readinessProbe: { exec: { command: ['sh', '-c', 'echo not yet; false'] }, periodSeconds: 1 } }),
    'ReadinessProbe',
    /^container main is not ready by its readiness probe: not yet/,
  ],
  [
    'readiness gate',
    () => ({ ...main({}), readinessGates: [{ conditionType: 'example.com/gate' }] }),
    'ReadinessGate',
    /^readiness gate example\.com\/gate is not True$/,
  ],
  [
    'postStart hook',
    () => main({ lifecycle: { postStart: { exec: { command: ['sleep', '3600'] } } } }),
    'PostStartHook',
    /^container main runs its postStart hook for [\d.]+ s$/,
  ],
  [
    'a container ended for good',
    () => ({ restartPolicy: 'Never', containers: [shell('main', rest), shell('other', 'exit 3')] }),
    'ContainerEnded',
    /^container other ended \(Error, code 3\) and is not restarted by its policy$/,
  ],
  [
    'no room for cpu',
    () => main({ resources: { requests: { cpu: '1000' } } }),
    'Completed',
    /^the Pod is over \(Failed\): OutOfcpu: .*Node didn't have enough resource: cpu, requested: 1000000/,
  ],
  [
    'no room for memory',
    () => main({ resources: { requests: { memory: '9Ti' } } }),
    'Completed',
    /^the Pod is over \(Failed\): OutOfmemory: .*Node didn't have enough resource: memory/,
  ],
];

const table = cases.map(([name, spec, code, sentence]) =>
  test(name, async (t) => {
    await create(t, pod(t, 'waits', { terminationGracePeriodSeconds: 1, ...spec(t) }));
    await expectWait(t, 'waits', code, sentence);
  }),
);

async function portTaken(t: TestContext): Promise<void> {
  const taken = main({ ports: [{ containerPort: 80, hostPort: 21_101 }] });
  await create(t, pod(t, 'first', taken));
  await untilReady(t, 'first');
  await create(t, pod(t, 'second', taken));
  await expectWait(t, 'second', 'Completed', /^the Pod is over \(Failed\): NodePorts: .*didn't have free ports/);
}

async function previousStarting(t: TestContext): Promise<void> {
  const lifecycle = { postStart: { exec: { command: ['sleep', '3600'] } } };
  await create(t, pod(t, 'two', { containers: [shell('one', rest, { lifecycle }), shell('two', rest)] }));
  await expectWait(t, 'two', 'AfterContainer', /^container two starts after one$/);
}

async function nameTaken(t: TestContext): Promise<void> {
  const stubborn = shell('main', "trap '' TERM; while true; do sleep 1; done");
  try {
    writeManifest(t, 'one', staticPod(t, 'same', { terminationGracePeriodSeconds: 20, containers: [stubborn] }));
    await untilReady(t, mirrorName(t, 'same'));
    writeManifest(t, 'two', staticPod(t, 'same'));
    await expectWait(
      t,
      mirrorName(t, 'same'),
      'NameTaken',
      /^another static Pod of the same full name \(UID \S+\) must end first$/,
    );
  } finally {
    removeManifest(t, 'two');
    removeManifest(t, 'one');
  }
}

async function restarted(t: TestContext): Promise<void> {
  const livenessProbe = { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 };
  const stubborn = shell('main', "trap '' TERM; while true; do sleep 1; done", { livenessProbe });
  await create(t, pod(t, 'sick', { terminationGracePeriodSeconds: 8, containers: [stubborn] }));
  await expectWait(
    t,
    'sick',
    'RestartingContainer',
    /^Container main failed liveness probe, will be restarted \(container main\)$/,
  );
}

async function nothing(t: TestContext): Promise<void> {
  await create(
    t,
    restingPod(t, 'fine', { volumes: [outVolume(t)], containers: [shell('main', rest, { volumeMounts: [outMount] })] }),
  );
  await untilReady(t, 'fine');
  await waitFor(
    'no reasons',
    { timeout: 60_000 },
    async () => (await t.lab.why(t.namespace, 'fine'))?.reasons.length === 0,
  );
}

export const starting = group('waits', [
  ...table,
  test('port taken', portTaken),
  test('the container before it is starting', previousStarting),
  test('name of a static Pod taken', nameTaken),
  test('liveness probe failed', restarted),
  test('a Ready Pod waits for nothing', nothing),
]);
