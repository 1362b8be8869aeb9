import type { ContainerConfigOut, PodSandboxConfigOut } from '../../cri/generated/runtime.ts';
import { runtimeMessageCodec } from '../../cri/protocol.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { ContainerPort } from '../../types/k8s.ts';
import { containerConfig } from './containerConfig.ts';
import { CONTAINER_CONTEXT, NODE, SANDBOX_CONTEXT, testContainer, testPod } from './fixtures.ts';
import { portMappings } from './portMappings.ts';
import { sandboxConfig } from './sandboxConfig.ts';
import { stopSignal } from './stopSignal.ts';

/** What the runtime reads of a message. */
function received<Out>(name: string, message: object): Out {
  const codec = runtimeMessageCodec(name);
  return codec.decode(codec.encode(message)) as Out;
}

describe('sandboxConfig', () => {
  const pod = testPod(
    {
      containers: [testContainer({ ports: [{ containerPort: 80, hostPort: 8080 }] })],
      securityContext: { sysctls: [{ name: 'net.core.somaxconn', value: '1024' }] },
    },
    { labels: { app: 'x' }, annotations: { note: 'y' } },
  );
  const config = received<PodSandboxConfigOut>(
    'PodSandboxConfig',
    sandboxConfig(pod, { ...SANDBOX_CONTEXT, attempt: 2 }),
  );

  test('reaches the runtime whole', () => {
    expect(config).toMatchObject({
      metadata: { name: 'p', namespace: 'ns', uid: 'uid', attempt: 2 },
      hostname: 'p',
      logDirectory: '/var/log/pods/ns_p_uid',
      dnsConfig: {
        servers: ['10.0.0.10'],
        searches: ['ns.svc.cluster.local', 'svc.cluster.local', 'cluster.local'],
        options: ['ndots:5'],
      },
      portMappings: [{ protocol: 'TCP', containerPort: 80, hostPort: 8080, hostIp: '' }],
      labels: { app: 'x', 'io.kubernetes.pod.name': 'p' },
      annotations: { note: 'y' },
      linux: {
        cgroupParent: '/kubepods/poduid',
        sysctls: { 'net.core.somaxconn': '1024' },
        securityContext: { privileged: false, readonlyRootfs: false, seccomp: { profileType: 'RuntimeDefault' } },
        resources: { cpuShares: '2', cpuPeriod: '100000', unified: { 'memory.oom.group': '1' } },
        overhead: { cpuShares: '0' },
      },
    });
  });

  test.each([
    ['net.core.somaxconn', 'net.core.somaxconn'],
    ['kernel/shm_rmid_forced', 'kernel.shm_rmid_forced'],
    ['net/ipv4/conf/eno2.100/rp_filter', 'net.ipv4.conf.eno2/100.rp_filter'],
    ['net.ipv4.conf.eno2/100.rp_filter', 'net.ipv4.conf.eno2/100.rp_filter'],
  ])('the sysctl %s reaches the runtime as %s', (name, dotted) => {
    const securityContext = { sysctls: [{ name, value: '1' }] };
    const { linux } = received<PodSandboxConfigOut>(
      'PodSandboxConfig',
      sandboxConfig(testPod({ securityContext }), SANDBOX_CONTEXT),
    );
    expect(linux?.sysctls).toEqual({ [dotted]: '1' });
  });

  test('a Pod without anything', () => {
    expect(() => received('PodSandboxConfig', sandboxConfig(allocatedAsAsked({}), SANDBOX_CONTEXT))).not.toThrow();
  });
});

describe('containerConfig', () => {
  const config = (container: Parameters<typeof testContainer>[0], context = {}) =>
    received<ContainerConfigOut>(
      'ContainerConfig',
      containerConfig(testPod(), testContainer(container), { ...CONTAINER_CONTEXT, ...context }),
    );

  test('reaches the runtime whole', () => {
    const container = {
      command: ['sh', '-c', '$(A)'],
      args: ['$(B)', '$$(A)', '$(NOPE)'],
      workingDir: '/w',
      stdin: true,
      tty: true,
    };
    const env = [
      { name: 'A', value: 'x' },
      { name: 'B', value: '\ufffd', raw: Buffer.from([0xff]) },
    ];
    const message = config(container, { env, restartCount: 3 });
    expect(message).toMatchObject({
      metadata: { name: 'c', attempt: 3 },
      image: { image: 'sha256:abc', userSpecifiedImage: 'i', annotations: {}, runtimeHandler: '' },
      command: ['sh', '-c', 'x'],
      args: ['\ufffd', '$(A)', '$(NOPE)'],
      workingDir: '/w',
      logPath: 'c/3.log',
      stdin: true,
      stdinOnce: false,
      tty: true,
      stopSignal: 'RUNTIME_DEFAULT',
      labels: { 'io.kubernetes.container.name': 'c' },
      annotations: { 'io.kubernetes.container.restartCount': '3' },
      linux: { securityContext: { runAsUser: { value: '0' } }, resources: { oomScoreAdj: '1000' } },
    });
    expect(message.envs.map((e) => [e.key, [...e.value]])).toEqual([
      ['A', [0x78]],
      ['B', [0xff]],
    ]);
  });

  test('device variables come first and can be overridden and referred to', () => {
    const deviceAllocation = {
      env: [
        { name: 'GPU', value: '0' },
        { name: 'A', value: 'device' },
      ],
      mounts: [],
      devices: [],
      cdiDevices: ['v.com/c=0'],
      annotations: {},
    };
    const message = config({ args: ['$(GPU) $(A)'] }, { deviceAllocation, env: [{ name: 'A', value: 'own' }] });
    expect(message.args).toEqual(['0 own']);
    expect(message.envs.map((e) => e.key)).toEqual(['GPU', 'A', 'A']);
    expect(message.CDIDevices).toEqual([{ name: 'v.com/c=0' }]);
  });

  test('runAsNonRoot is checked', () => {
    expect(() => config({ securityContext: { runAsNonRoot: true } })).toThrow(
      'container has runAsNonRoot and image will run as root (pod: "p_ns(uid)", container: c)',
    );
  });

  test('stop signals only with the feature gate', () => {
    const lifecycle = { stopSignal: 'SIGUSR1' };
    expect(config({ lifecycle }).stopSignal).toBe('RUNTIME_DEFAULT');
    expect(config({ lifecycle }, { node: { ...NODE, containerStopSignals: true } }).stopSignal).toBe('SIGUSR1');
  });

  test('no text makes it throw', () => {
    const parts = ['$(', ')', '$', '\0', '\ud800', '😀', 'A', '\n'];
    let seed = 3;
    const text = () => {
      seed = (seed * 48271) % 2147483647;
      return Array.from({ length: seed % 9 }, (_, i) => parts[(seed >> i) % parts.length]).join('');
    };
    for (let i = 0; i < 500; i++) {
      const env = [{ name: text(), value: text() }];
      expect(() => config({ command: [text()], args: [text()], workingDir: text() }, { env })).not.toThrow();
    }
  });
});

test.each([
  [undefined, 'RUNTIME_DEFAULT'],
  ['SIGTERM', 'SIGTERM'],
  ['SIGRTMIN', 'SIGRTMIN'],
  ['SIGRTMIN+15', 'SIGRTMINPLUS15'],
  ['SIGRTMAX-14', 'SIGRTMAXMINUS14'],
  ['SIGRTMIN+16', 'RUNTIME_DEFAULT'],
  ['SIGRTMAX-0', 'RUNTIME_DEFAULT'],
  ['TERM', 'RUNTIME_DEFAULT'],
])('stop signal %j', (name, wanted) => expect(stopSignal(name)).toBe(wanted));

describe('portMappings', () => {
  const of = (...ports: ContainerPort[]) => portMappings(testPod({ containers: [testContainer({ ports })] }));
  test('each name and each unnamed tuple once for each address family', () => {
    expect(of({ containerPort: 80 }, { containerPort: 80 })).toHaveLength(1);
    expect(of({ containerPort: 80, name: 'a' }, { containerPort: 81, name: 'a' })).toHaveLength(1);
    expect(of({ containerPort: 80 }, { containerPort: 80, hostPort: 1 })).toHaveLength(2);
    expect(of({ containerPort: 80, hostIP: '::' }, { containerPort: 80, hostIP: '0.0.0.0' })).toHaveLength(2);
    expect(of({ containerPort: 80, protocol: 'UDP' }, { containerPort: 80, protocol: 'TCP' })).toHaveLength(2);
  });
  test('two containers are not compared, init containers not asked', () => {
    const container = testContainer({ ports: [{ containerPort: 80 }] });
    const sidecar = { ...container, restartPolicy: 'Always' };
    expect(portMappings(testPod({ containers: [container, container], initContainers: [sidecar] }))).toHaveLength(2);
  });
  test('an unknown protocol is TCP', () => {
    expect(of({ containerPort: 80, protocol: 'X' })).toEqual([
      { protocol: 'TCP', containerPort: 80, hostPort: 0, hostIp: '' },
    ]);
  });
});
