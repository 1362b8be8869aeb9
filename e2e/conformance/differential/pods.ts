interface Manifest {
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: Record<string, unknown> & { containers: Record<string, unknown>[] };
}

const image = 'registry.k8s.io/e2e-test-images/busybox:1.37.0-1';

function pod(name: string, container: object = {}, spec: object = {}): Manifest {
  const main = { name: 'main', image, command: ['sh', '-c', 'trap "exit 0" TERM; sleep 300 & wait'], ...container };
  const base = { terminationGracePeriodSeconds: 5, containers: [main] };
  return { metadata: { name }, spec: { ...base, ...spec } as Manifest['spec'] };
}

const ends = (code: number): object => ({ command: ['sh', '-c', `echo said; exit ${code}`] });
const init = (name: string, more: object = {}): object => ({ name, image, command: ['true'], ...more });
const volume = (source: object): object => ({ volumes: [{ name: 'v', ...source }] });
const mounted = (more: object = {}): object => ({ volumeMounts: [{ name: 'v', mountPath: '/v', ...more }] });

/** Users, capabilities, files, namespaces. */
function security(): Manifest[] {
  const context = (name: string, own: object, ofPod: object = {}): Manifest =>
    pod(`sec-${name}`, { securityContext: own }, { securityContext: ofPod });
  return [
    context('user', { runAsUser: 1000, runAsGroup: 2000 }),
    context('nonroot', { runAsNonRoot: true, runAsUser: 1000 }),
    context('caps', { capabilities: { add: ['NET_ADMIN'], drop: ['MKNOD'] } }),
    context('dropall', { capabilities: { drop: ['ALL'] }, allowPrivilegeEscalation: false }),
    context('privileged', { privileged: true }),
    context('readonly', { readOnlyRootFilesystem: true }),
    context('seccomp', { seccompProfile: { type: 'RuntimeDefault' } }),
    context('unconfined', {}, { seccompProfile: { type: 'Unconfined' } }),
    context('groups', {}, { supplementalGroups: [3000, 4000], fsGroup: 5000 }),
    context('strict', {}, { supplementalGroups: [3000], supplementalGroupsPolicy: 'Strict', runAsUser: 1 }),
    context('sysctl', {}, { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] }),
    context('procmount', { procMount: 'Default' }),
  ];
}

function resources(): Manifest[] {
  const of = (name: string, requests: object, limits: object): Manifest =>
    pod(`res-${name}`, { resources: { requests, limits } });
  return [
    of('guaranteed', { cpu: '50m', memory: '32Mi' }, { cpu: '50m', memory: '32Mi' }),
    of('burstable', { cpu: '20m', memory: '16Mi' }, { memory: '64Mi' }),
    of('cpu-only', {}, { cpu: '100m' }),
    of('memory-only', { memory: '10Mi' }, {}),
    of('ephemeral', { 'ephemeral-storage': '1Mi' }, { 'ephemeral-storage': '10Mi' }),
    pod(
      'res-overhead-init',
      { resources: { requests: { cpu: '10m' } } },
      { initContainers: [init('first', { resources: { limits: { memory: '20Mi', cpu: '30m' } } })] },
    ),
  ];
}

function volumes(): Manifest[] {
  const of = (name: string, source: object, mount: object = {}): Manifest =>
    pod(`vol-${name}`, mounted(mount), volume(source));
  const field = { fieldRef: { fieldPath: 'metadata.labels' } };
  return [
    of('empty', { emptyDir: {} }),
    of('memory', { emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } }),
    of('config', { configMap: { name: 'config' } }),
    of('config-items', { configMap: { name: 'config', items: [{ key: 'a', path: 'x/y', mode: 0o400 }] } }),
    of('config-absent', { configMap: { name: 'absent', optional: true } }),
    of('secret', { secret: { secretName: 'secret', defaultMode: 0o440 } }),
    of('downward', { downwardAPI: { items: [{ path: 'labels', ...field }] } }),
    of('projected', { projected: { sources: [{ configMap: { name: 'config' } }, { secret: { name: 'secret' } }] } }),
    of('host', { hostPath: { path: '/etc/hostname', type: 'File' } }, { readOnly: true }),
    of('subpath', { emptyDir: {} }, { subPath: 'deep/er' }),
    of('propagation', { hostPath: { path: '/tmp' } }, { mountPropagation: 'HostToContainer' }),
    of('rro', { emptyDir: {} }, { readOnly: true, recursiveReadOnly: 'IfPossible' }),
  ];
}

function environment(): Manifest[] {
  const fromField = (fieldPath: string): object => ({ valueFrom: { fieldRef: { fieldPath } } });
  const env = (name: string, list: object[], more: object = {}): Manifest => pod(`env-${name}`, { env: list, ...more });
  return [
    env('plain', [
      { name: 'A', value: 'a' },
      { name: 'B', value: '$(A)-$$(A)-$(NONE)' },
    ]),
    env('fields', [
      { name: 'NAME', ...fromField('metadata.name') },
      { name: 'IP', ...fromField('status.podIP') },
    ]),
    env('resource', [{ name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }]),
    env('key', [{ name: 'K', valueFrom: { configMapKeyRef: { name: 'config', key: 'a' } } }]),
    env('from', [], {
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'config' } }, { secretRef: { name: 'secret' } }],
    }),
    env('args', [{ name: 'A', value: 'x' }], { args: ['-c', 'echo $(A); sleep 300'], command: ['sh'] }),
    pod('env-workdir', { workingDir: '/tmp', tty: true, stdin: true }),
    pod('env-message', { terminationMessagePath: '/tmp/m', terminationMessagePolicy: 'FallbackToLogsOnError' }),
  ];
}

function lives(): Manifest[] {
  const probe = { exec: { command: ['true'] }, periodSeconds: 2 };
  const never = { restartPolicy: 'Never' };
  return [
    pod('life-plain'),
    pod('life-ok', ends(0), never),
    pod('life-fails', ends(3), never),
    pod('life-onfailure', ends(0), { restartPolicy: 'OnFailure' }),
    pod('life-init', {}, { initContainers: [init('one'), init('two')] }),
    pod('life-init-fails', {}, { ...never, initContainers: [init('one', { command: ['false'] })] }),
    pod('life-sidecar', {}, { initContainers: [init('side', { command: ['sleep', '300'], restartPolicy: 'Always' })] }),
    pod('life-two', {}, { containers: ['a', 'b'].map((name) => ({ name, image, command: ['sleep', '300'] })) }),
    pod('life-probes', { readinessProbe: probe, livenessProbe: probe, startupProbe: probe }),
    pod('life-hooks', {
      lifecycle: { postStart: { exec: { command: ['true'] } }, preStop: { exec: { command: ['true'] } } },
    }),
    pod('life-image-absent', { image: 'invalid.registry.k8s.io/invalid/alpine:3.1' }),
    pod('life-never-pull', { image: 'localhost/absent:1', imagePullPolicy: 'Never' }),
    pod('life-stop-signal', { lifecycle: { stopSignal: 'SIGUSR1' } }, { os: { name: 'linux' } }),
  ];
}

function pods(): Manifest[] {
  const spec = (name: string, more: object, container: object = {}): Manifest => pod(`pod-${name}`, container, more);
  return [
    spec('hostnet', { hostNetwork: true }),
    spec('hostpid', { hostPID: true }),
    spec('hostipc', { hostIPC: true }),
    spec('share', { shareProcessNamespace: true }),
    spec('dns', {
      dnsPolicy: 'None',
      dnsConfig: { nameservers: ['10.1.1.1'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }] },
    }),
    spec('default-dns', { dnsPolicy: 'Default' }),
    spec('hosts', {
      hostAliases: [{ ip: '10.2.3.4', hostnames: ['one', 'two'] }],
      hostname: 'named',
      subdomain: 'sub',
    }),
    spec('no-links', { enableServiceLinks: false, automountServiceAccountToken: false }),
    spec('ports', {}, { ports: [{ name: 'p', containerPort: 80, hostPort: 18_123 }] }),
  ];
}

/** The Pods that both kubelets run: sixty, each with one thing that a kubelet can get wrong. */
export function samplePods(): Manifest[] {
  return [...security(), ...resources(), ...volumes(), ...environment(), ...lives(), ...pods()];
}
