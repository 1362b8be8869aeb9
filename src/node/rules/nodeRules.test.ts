import type { Node, NodeCondition } from '../../types/k8s.ts';
import { testFacts, testSettings } from '../fake/facts.ts';
import { initialNode, reconciledNode } from '../nodeObject.ts';
import type { AddressFacts, MachineFacts, NodeFacts, NodeSettings } from '../types.ts';
import { nodeAddresses, nodeIPError, parseNodeIPs } from './addresses.ts';
import { formatBytes, formatMilli } from './amounts.ts';
import { nodeAllocatable, nodeCapacity } from './capacity.ts';
import { nodeConditions, OWN_CONDITIONS } from './conditions.ts';
import { containerIdOfLogLink, findLeftovers, podUidOfLogDirectory } from './leftovers.ts';
import { nextNode } from './nextNode.ts';
import { NO_ANSWER_YET, runtimeFact, withAnswer, withFailure } from './runtimeFact.ts';
import { declaredFeatures, nodeImages, nodeRuntimeHandlers } from './runtimeFields.ts';
import { nodeChanged, nodeStatusPatch } from './statusPatch.ts';

const NOW = '2026-11-21T18:00:00Z';
const LATER = '2026-11-21T18:00:10Z';

describe('addresses', () => {
  const hostname = { type: 'Hostname', address: 'node-1' };
  const internal = (address: string) => ({ type: 'InternalIP', address });
  const cases: [string, Partial<NodeSettings>, Partial<AddressFacts>, unknown][] = [
    ['default route', {}, {}, [internal('10.0.0.1'), hostname]],
    ['--node-ip', { nodeIPs: ['10.0.0.2'] }, {}, [internal('10.0.0.2'), hostname]],
    ['dual stack', { nodeIPs: ['fd00::1', '10.0.0.1'] }, {}, [internal('fd00::1'), internal('10.0.0.1'), hostname]],
    ['::', { nodeIPs: ['::'] }, {}, [internal('fd00::1'), hostname]],
    ['0.0.0.0', { nodeIPs: ['0.0.0.0'] }, {}, [internal('10.0.0.1'), hostname]],
    [':: without IPv6', { nodeIPs: ['::'] }, { defaultIPv6: undefined as never }, [internal('10.0.0.1'), hostname]],
    ['resolved name', {}, { resolved: ['fd00::1', '10.0.0.2'] }, [internal('10.0.0.2'), hostname]],
    ['resolved to somebody else', {}, { resolved: ['192.0.2.1'] }, [internal('10.0.0.1'), hostname]],
    [
      'hostname is an address',
      { hostname: '10.9.9.9' },
      {},
      [internal('10.9.9.9'), { ...hostname, address: '10.9.9.9' }],
    ],
    ['external cloud', { externalCloud: true }, {}, [hostname]],
    ['external cloud, --node-ip', { externalCloud: true, nodeIPs: ['10.0.0.2'] }, {}, [internal('10.0.0.2'), hostname]],
    ['--node-ip of another machine', { nodeIPs: ['192.0.2.1'] }, {}, undefined],
  ];
  test.each(cases)('%s', (_name, settings, facts, addresses) => {
    const { value } = nodeAddresses([], { ...testSettings, ...settings }, { ...testFacts.addresses, ...facts });
    expect(value.addresses).toEqual(addresses);
  });

  test('an external cloud keeps what it has set and is told about --node-ip', () => {
    const settings = { ...testSettings, externalCloud: true, nodeIPs: ['10.0.0.2', 'fd00::1'] };
    expect(nodeAddresses([internal('203.0.113.1')], settings, testFacts.addresses)).toEqual({
      value: { providedNodeIP: '10.0.0.2,fd00::1' },
    });
  });

  test.each([
    ['127.0.0.1', "nodeIP can't be loopback address"],
    ['::1', "nodeIP can't be loopback address"],
    ['224.0.0.1', "nodeIP can't be a multicast address"],
    ['ff02::1', "nodeIP can't be a multicast address"],
    ['169.254.1.1', "nodeIP can't be a link-local unicast address"],
    ['fe80::1', "nodeIP can't be a link-local unicast address"],
    ['0.0.0.0', "nodeIP can't be an all zeros address"],
    ['nonsense', 'nodeIP must be a valid IP address'],
    ['192.0.2.1', 'node IP: "192.0.2.1" not found in the host\'s network interfaces'],
    ['FD00:0::1', undefined],
  ])('%s', (ip, error) => {
    expect(nodeIPError(ip, testFacts.addresses.local)).toBe(error);
  });

  test('--node-ip', () => {
    expect(parseNodeIPs('')).toEqual({ ips: [], invalid: [] });
    expect(parseNodeIPs(' 10.0.0.1, FD00::0:1 ')).toEqual({ ips: ['10.0.0.1', 'fd00::1'], invalid: [] });
    expect(parseNodeIPs('10.0.0.1,x')).toEqual({ ips: ['10.0.0.1'], invalid: ['x'] });
    expect(() => parseNodeIPs('10.0.0.1,10.0.0.2')).toThrow('dual-stack pair');
    expect(() => parseNodeIPs('10.0.0.1,::')).toThrow("cannot include '0.0.0.0' or '::'");
  });
});

describe('capacity and allocatable', () => {
  const both = (
    settings: Partial<NodeSettings>,
    machine: Partial<MachineFacts> = {},
    existing: Record<string, string> = {},
  ) => {
    const all = { ...testSettings, ...settings };
    const facts = { ...testFacts.machine, ...machine };
    const capacity = nodeCapacity(existing, facts, all);
    return { capacity, allocatable: nodeAllocatable(existing, capacity, facts, all) };
  };

  test('without reservations both are the machine', () => {
    const own = { cpu: '4', memory: '8Gi', 'ephemeral-storage': '61255492Ki', pods: '110' };
    expect(both({})).toEqual({ capacity: own, allocatable: own });
  });

  test('reservations and hard eviction, to the byte as kubelet', () => {
    const settings = {
      kubeReserved: { cpu: '80m', memory: '1Gi', 'example.com/x': '5' },
      systemReserved: { memory: '100Mi', 'ephemeral-storage': '1Gi' },
      evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%', 'imagefs.available': '15%' },
    };
    expect(both(settings, { rootfsBytes: 61255492 * 1024 }).allocatable).toEqual({
      cpu: '3920m',
      memory: '6968Mi',
      'ephemeral-storage': String(61255492 * 1024 - 6272562474 - 2 ** 30),
      pods: '110',
    });
  });

  test('10 % of a disk is what a Go kubelet reports', () => {
    expect(both({ evictionHard: { 'nodefs.available': '10%' } }).allocatable['ephemeral-storage']).toBe('56453061334');
  });

  test('never below 0, and less the huge pages', () => {
    expect(both({ kubeReserved: { cpu: '5', memory: '1Ti' } }).allocatable).toMatchObject({ cpu: '0', memory: '0' });
    const { capacity, allocatable } = both(
      { kubeReserved: { memory: '1Gi' } },
      { hugePages: { 2097152: 2 ** 30, 1073741824: 0 } },
    );
    expect(capacity).toMatchObject({ 'hugepages-2Mi': '1Gi', 'hugepages-1Gi': '0' });
    expect(allocatable).toMatchObject({ memory: '6Gi', 'hugepages-2Mi': '1Gi' });
  });

  test('the resources of others stay; podsPerCore bounds the Pods', () => {
    expect(both({ podsPerCore: 10 }, {}, { 'example.com/x': '7' })).toMatchObject({
      capacity: { 'example.com/x': '7', pods: '40' },
      allocatable: { 'example.com/x': '7', pods: '40' },
    });
    const capacity = nodeCapacity({}, testFacts.machine, { ...testSettings, localStorageIsolation: false });
    expect(nodeAllocatable({ 'gone.com/x': '1' }, capacity, testFacts.machine, testSettings)).not.toHaveProperty(
      'gone.com/x',
    );
  });

  test('device plugins', () => {
    const devices = { capacity: { 'd.com/a': '4' }, allocatable: { 'd.com/a': '3' }, removed: ['d.com/b'] };
    const capacity = nodeCapacity({ 'd.com/b': '2' }, testFacts.machine, testSettings, devices);
    expect(capacity).toMatchObject({ 'd.com/a': '4', 'd.com/b': '0' });
    expect(nodeAllocatable({}, capacity, testFacts.machine, testSettings, devices)).toMatchObject({
      'd.com/a': '3',
      'd.com/b': '0',
    });
  });

  test.each([
    [0n, '0'],
    [1023n, '1023'],
    [1024n, '1Ki'],
    [3n * 2n ** 30n, '3Gi'],
    [2n ** 70n, '1024Ei'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test('cores', () => {
    expect([formatMilli(4000n), formatMilli(3920n)]).toEqual(['4', '3920m']);
  });
});

describe('conditions', () => {
  const input = (
    facts: Partial<NodeFacts> = {},
    now = NOW,
    capacity = { cpu: '4', memory: '1Gi', pods: '1', 'ephemeral-storage': '1' },
  ) => ({
    nodeName: 'node-1',
    facts: { ...testFacts, ...facts },
    capacity,
    localStorageIsolation: true,
    now,
  });
  const readyOf = (conditions: readonly NodeCondition[]) => conditions.find(({ type }) => type === 'Ready');

  test('of a healthy node, in kubelet order and words', () => {
    const { value, events } = nodeConditions([], input());
    const times = { lastHeartbeatTime: NOW, lastTransitionTime: NOW };
    expect(value).toEqual([
      {
        type: 'MemoryPressure',
        status: 'False',
        reason: 'KubeletHasSufficientMemory',
        message: 'kubelet has sufficient memory available',
        ...times,
      },
      {
        type: 'DiskPressure',
        status: 'False',
        reason: 'KubeletHasNoDiskPressure',
        message: 'kubelet has no disk pressure',
        ...times,
      },
      {
        type: 'PIDPressure',
        status: 'False',
        reason: 'KubeletHasSufficientPID',
        message: 'kubelet has sufficient PID available',
        ...times,
      },
      { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status', ...times },
    ]);
    expect(events!.map(({ message }) => message)).toEqual([
      'Node node-1 status is now: NodeHasSufficientMemory',
      'Node node-1 status is now: NodeHasNoDiskPressure',
      'Node node-1 status is now: NodeHasSufficientPID',
    ]);
  });

  test('only the heartbeat moves while nothing changes; foreign conditions stay', () => {
    const foreign = { type: 'NetworkUnavailable', status: 'False', lastHeartbeatTime: NOW };
    const first = [foreign, ...nodeConditions([], input()).value];
    const { value, events } = nodeConditions(first, input({}, LATER));
    expect(events).toEqual([]);
    expect(value).toEqual([foreign, ...first.slice(1).map((one) => ({ ...one, lastHeartbeatTime: LATER }))]);
  });

  test('pressure comes and goes', () => {
    const first = nodeConditions([], input()).value;
    const pressed = nodeConditions(first, input({ pressure: { memory: true, disk: true, pid: true } }, LATER));
    expect(pressed.value.map(({ reason }) => reason)).toEqual([
      'KubeletHasInsufficientMemory',
      'KubeletHasDiskPressure',
      'KubeletHasInsufficientPID',
      'KubeletReady',
    ]);
    expect(pressed.value[0]).toMatchObject({ lastTransitionTime: LATER });
    expect(pressed.events!.map(({ reason }) => reason)).toEqual([
      'NodeHasInsufficientMemory',
      'NodeHasDiskPressure',
      'NodeHasInsufficientPID',
    ]);
  });

  test.each<[string, Partial<NodeFacts>, string]>([
    [
      'one sentence stands alone',
      { runtime: { ...testFacts.runtime, errors: ['container runtime is down'] } },
      'container runtime is down',
    ],
    [
      'several are listed once each',
      {
        runtime: {
          ...testFacts.runtime,
          errors: ['container runtime is down'],
          networkErrors: ['network state unknown'],
        },
        notReady: ['node is shutting down', 'node is shutting down'],
      },
      '[container runtime is down, network state unknown, node is shutting down]',
    ],
    [
      'warnings are added',
      { notReady: ['CSINode is not yet initialized'], warnings: ['no cpu cgroup'] },
      'CSINode is not yet initialized. WARNING: no cpu cgroup',
    ],
  ])('NotReady says why: %s', (_name, facts, message) => {
    const before = nodeConditions([], input()).value;
    const { value, events } = nodeConditions(before, input(facts, LATER));
    expect(readyOf(value)).toMatchObject({
      status: 'False',
      reason: 'KubeletNotReady',
      message,
      lastTransitionTime: LATER,
    });
    expect(events!.map(({ reason }) => reason)).toEqual(['NodeNotReady']);
    expect(nodeConditions(value, input({}, LATER)).events!.map(({ reason }) => reason)).toEqual(['NodeReady']);
  });

  test('missing capacity', () => {
    const { value } = nodeConditions([], { ...input(), capacity: { cpu: '1', memory: '1' } });
    expect(readyOf(value)?.message).toBe('missing node capacity for resources: pods, ephemeral-storage');
  });
});

describe('the runtime', () => {
  const answer = (network: boolean, runtime = true) => ({
    status: {
      conditions: [
        { type: 'RuntimeReady', status: runtime, reason: runtime ? '' : 'Broken', message: runtime ? '' : 'it is' },
        {
          type: 'NetworkReady',
          status: network,
          reason: 'NetworkPluginNotReady',
          message: 'cni plugin not initialized',
        },
      ],
    },
    info: {},
    runtimeHandlers: [
      { name: 'runc', features: { recursiveReadOnlyMounts: true, userNamespaces: false } },
      { name: '', features: null },
    ],
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false },
  });

  test.each([
    [
      'before the first answer',
      NO_ANSWER_YET,
      0,
      ['container runtime status check may not have completed yet'],
      ['network state unknown'],
    ],
    [
      'never reached',
      withFailure(NO_ANSWER_YET, 'connect ENOENT'),
      0,
      ['container runtime status check may not have completed yet: connect ENOENT'],
      ['network state unknown'],
    ],
    ['well', withAnswer(NO_ANSWER_YET, answer(true), 0), 29_999, [], []],
    [
      'silent for 30 s',
      withFailure(withAnswer(NO_ANSWER_YET, answer(true), 0), 'timeout'),
      30_000,
      ['container runtime is down: timeout'],
      [],
    ],
    ['silent for less', withFailure(withAnswer(NO_ANSWER_YET, answer(true), 0), 'timeout'), 29_999, [], []],
    [
      'without a network',
      withAnswer(NO_ANSWER_YET, answer(false), 0),
      0,
      [],
      [
        'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized',
      ],
    ],
    [
      'not ready itself',
      withAnswer(withAnswer(NO_ANSWER_YET, answer(true), 0), answer(true, false), 1),
      1,
      ['container runtime not ready: RuntimeReady=false reason:Broken message:it is'],
      [],
    ],
    [
      'without conditions',
      withAnswer(NO_ANSWER_YET, { ...answer(true), status: null }, 0),
      0,
      ['container runtime status check may not have completed yet', 'container runtime not ready: <nil>'],
      ['container runtime network not ready: <nil>'],
    ],
  ])('%s', (_name, memory, now, errors, networkErrors) => {
    expect(runtimeFact(memory, now)).toMatchObject({
      errors,
      networkErrors,
      runtimeReady: errors.length === 0,
      networkReady: networkErrors.length === 0,
    });
  });

  test('handlers, features and images', () => {
    const fact = runtimeFact(withAnswer(NO_ANSWER_YET, answer(true), 0), 0);
    expect(nodeRuntimeHandlers(fact)).toEqual([
      { features: { recursiveReadOnlyMounts: false, userNamespaces: false } },
      { name: 'runc', features: { recursiveReadOnlyMounts: true, userNamespaces: false } },
    ]);
    const gates = ['UserNamespacesHostNetworkSupport', 'RestartAllContainersOnContainerExits', 'EnvFiles'];
    expect(declaredFeatures(gates, fact)).toEqual(['RestartAllContainersOnContainerExits']);
    const able = { ...fact, features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: true } };
    expect(declaredFeatures(gates, able)).toEqual([
      'RestartAllContainersOnContainerExits',
      'UserNamespacesHostNetworkSupport',
    ]);
    const images = Array.from({ length: 60 }, (_, i) => ({
      repoDigests: ['d'],
      repoTags: ['1', '2', '3', '4', '5'],
      sizeBytes: i,
    }));
    expect(nodeImages(images, 50)).toHaveLength(50);
    expect(nodeImages(images, -1)).toHaveLength(60);
    expect(nodeImages(images, 50)[0]).toEqual({ names: ['d', '1', '2', '3', '4'], sizeBytes: 59 });
  });
});

describe('the Node object', () => {
  const settings = {
    ...testSettings,
    labels: { 'kubernetes.io/hostname': 'other', tier: 'x' },
    taints: [{ key: 'a', effect: 'NoSchedule' }],
  };
  const { node } = initialNode(settings, testFacts, NOW);

  test('at creation', () => {
    expect(node.metadata).toEqual({
      name: 'node-1',
      labels: {
        'kubernetes.io/hostname': 'other',
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'beta.kubernetes.io/arch': 'amd64',
        tier: 'x',
      },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    });
    expect(node.spec).toEqual({ taints: [{ key: 'a', effect: 'NoSchedule' }] });
    expect(node.status).toMatchObject({
      nodeInfo: { kubeletVersion: 'v1.36.3', containerRuntimeVersion: 'containerd://2.1.4', kubeProxyVersion: '' },
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      features: { supplementalGroupsPolicy: true },
    });
    const external = initialNode({ ...settings, externalCloud: true, providerID: 'cloud://1' }, testFacts, NOW).node;
    expect(external.spec).toMatchObject({
      providerID: 'cloud://1',
      taints: [{}, { value: 'true', effect: 'NoSchedule' }],
    });
  });

  test('an existing one keeps its own labels and taints', () => {
    const existing: Node = {
      metadata: { name: 'node-1', uid: 'u', labels: { mine: '1', tier: 'old', 'kubernetes.io/hostname': 'old' } },
      spec: { taints: [] },
      status: {
        capacity: { cpu: '2', 'hugepages-1Gi': '1Gi', 'x.com/y': '3' },
        allocatable: { cpu: '2', 'x.com/y': '3' },
      },
    };
    const next = reconciledNode(existing, node, true);
    expect(next.metadata?.labels).toMatchObject({ mine: '1', tier: 'old', 'kubernetes.io/hostname': 'other' });
    expect(next.metadata?.annotations).toEqual(node.metadata?.annotations);
    expect(next.status).toEqual({ capacity: { cpu: '2', 'x.com/y': '0' }, allocatable: { cpu: '2', 'x.com/y': '0' } });
    expect(reconciledNode(next, node, true)).toEqual(next);
  });

  test('a new boot id is a reboot, told once', () => {
    const rebooted = { ...testFacts, machine: { ...testFacts.machine, bootID: 'boot-2' } };
    const next = nextNode(node, settings, rebooted, LATER);
    expect(next.events).toEqual([
      { type: 'Warning', reason: 'Rebooted', message: 'Node node-1 has been rebooted, boot id: boot-2' },
    ]);
    expect(nextNode(next.node, settings, rebooted, LATER).events).toEqual([]);
  });

  test('only heartbeats are no change; the patch holds own conditions and what changed', () => {
    const same = nextNode(node, settings, testFacts, LATER).node;
    expect(nodeChanged(node, same)).toBe(false);
    const stored: Node = { ...node, status: { ...node.status, capacity: { ...node.status?.capacity, cpu: '4000m' } } };
    expect(nodeChanged(stored, same)).toBe(false);
    expect(Object.keys((nodeStatusPatch(node, same, OWN_CONDITIONS) as { status: object }).status)).toEqual([
      'conditions',
    ]);

    const foreign = { type: 'NetworkUnavailable', status: 'False' };
    const before: Node = {
      ...node,
      metadata: {
        ...node.metadata,
        annotations: { ...node.metadata?.annotations, 'alpha.kubernetes.io/provided-node-ip': '1.1.1.1' },
      },
      status: { ...node.status, conditions: [foreign, ...node.status!.conditions!] },
    };
    const facts = {
      ...testFacts,
      machine: { ...testFacts.machine, cores: 8 },
      addresses: { ...testFacts.addresses, defaultIPv4: '10.0.0.2' },
    };
    const after = nextNode(before, settings, facts, LATER).node;
    expect(nodeChanged(before, after)).toBe(true);
    expect(nodeStatusPatch(before, after, OWN_CONDITIONS)).toEqual({
      metadata: { annotations: { 'alpha.kubernetes.io/provided-node-ip': null } },
      status: {
        capacity: { cpu: '8' },
        allocatable: { cpu: '8' },
        addresses: [
          { type: 'InternalIP', address: '10.0.0.2' },
          { type: 'Hostname', address: 'node-1' },
          { $patch: 'replace' },
        ],
        conditions: node.status!.conditions!.map((one) => ({ ...one, lastHeartbeatTime: LATER })),
      },
    });
  });
});

describe('leftovers', () => {
  const container = (
    id: string,
    sandbox: string,
    uid: string,
    state: 'CONTAINER_EXITED' | 'CONTAINER_RUNNING' | 'CONTAINER_CREATED',
  ) => ({
    id,
    podSandboxId: sandbox,
    metadata: null,
    image: null,
    imageRef: '',
    state,
    createdAt: '0',
    labels: { 'io.kubernetes.pod.uid': uid },
    annotations: {},
    imageId: '',
  });
  const sandbox = (id: string, uid: string, state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY') => ({
    id,
    metadata: { name: '', uid, namespace: '', attempt: 0 },
    state,
    createdAt: '0',
    labels: {},
    annotations: {},
    runtimeHandler: '',
  });

  test('only dead things of Pods that are gone, and no sandbox under a living container', () => {
    const containers = [
      container('dead', 's1', 'gone', 'CONTAINER_EXITED'),
      container('alive', 's2', 'gone', 'CONTAINER_RUNNING'),
      container('created', 's3', 'gone', 'CONTAINER_CREATED'),
      container('kept', 's4', 'here', 'CONTAINER_EXITED'),
    ];
    const sandboxes = [
      sandbox('s1', 'gone', 'SANDBOX_NOTREADY'),
      sandbox('s2', 'gone', 'SANDBOX_NOTREADY'),
      sandbox('s3', 'gone', 'SANDBOX_NOTREADY'),
      sandbox('s4', 'here', 'SANDBOX_NOTREADY'),
      sandbox('s5', 'gone', 'SANDBOX_READY'),
      sandbox('s6', '', 'SANDBOX_NOTREADY'),
    ];
    expect(findLeftovers(containers, sandboxes, (uid) => uid !== 'here')).toEqual({
      containers: ['dead'],
      sandboxes: ['s1'],
    });
  });

  test('names of log directories and links', () => {
    expect(podUidOfLogDirectory('ns_name_uid-1')).toBe('uid-1');
    expect(['lost+found', 'a_b', 'a__c', 'a_b_c_d'].map(podUidOfLogDirectory)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(containerIdOfLogLink('pod_ns_c-0123456789ab.log')).toBe('0123456789ab');
    expect(containerIdOfLogLink('pod_ns_c-0123.txt')).toBeUndefined();
  });
});
