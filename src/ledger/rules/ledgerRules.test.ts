import type { NodeSelectorTerm, StoredPod } from '../../types/k8s.ts';
import { type TestPod, testNode, testPod } from '../fake/pods.ts';
import type { NodeView, Rejection } from '../types.ts';
import { assess } from './assess.ts';
import { shortages } from './fit.ts';
import { anyPortConflict, hostPortsOf } from './hostPorts.ts';
import { knownRequests, measure } from './measure.ts';
import { matchesRequiredNodeAffinity } from './nodeAffinity.ts';
import { choosePreemption } from './preemption.ts';
import { takenBy } from './room.ts';
import { checkSysctls, normalizeSysctl, sysctlAllowlist } from './sysctls.ts';
import { untoleratedTaint } from './taints.ts';

const holder = (pod: StoredPod) => ({ pod, ...measure(pod), hostPorts: hostPortsOf(pod) });

function judge(pod: StoredPod, node: NodeView, others: readonly StoredPod[] = []) {
  const applicant = { ...holder(pod), requests: knownRequests(pod, node.allocatable) };
  return assess(applicant, takenBy(others.map(holder)), node);
}

const STATIC = { 'kubernetes.io/config.source': 'file' };

describe('rejections in kubelet 1.36 words', () => {
  const cases: [string, TestPod, Partial<NodeView>, Rejection | undefined][] = [
    ['fits', { requests: { cpu: '1', memory: '1Gi' } }, {}, undefined],
    [
      'cpu in thousandths',
      { requests: { cpu: '4500m' } },
      {},
      {
        reason: 'OutOfcpu',
        message: "Node didn't have enough resource: cpu, requested: 4500, used: 1000, capacity: 4000",
      },
    ],
    [
      'memory in bytes',
      { requests: { memory: '8Gi' } },
      {},
      {
        reason: 'OutOfmemory',
        message:
          "Node didn't have enough resource: memory, requested: 8589934592, used: 1073741824, capacity: 8589934592",
      },
    ],
    [
      'absurd amounts',
      { requests: { memory: '9000000000000000000000' } },
      {},
      {
        reason: 'OutOfmemory',
        message:
          "Node didn't have enough resource: memory, requested: 9000000000000000000000, used: 1073741824, capacity: 8589934592",
      },
    ],
    [
      'ephemeral storage',
      { requests: { 'ephemeral-storage': '1Ti' } },
      {},
      { reason: 'OutOfephemeral-storage' } as Rejection,
    ],
    ['an extended resource that the node does not know', { requests: { 'example.com/gpu': '9' } }, {}, undefined],
    [
      'node selector',
      { spec: { nodeSelector: { zone: 'b' } } },
      {},
      {
        reason: 'NodeAffinity',
        message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
      },
    ],
    [
      'node name',
      { spec: { nodeName: 'other' } },
      {},
      { reason: 'NodeName', message: "Predicate NodeName failed: node(s) didn't match the requested node name" },
    ],
    [
      'host port',
      { hostPorts: [80] },
      {},
      {
        reason: 'NodePorts',
        message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      },
    ],
    [
      'NoExecute taint',
      {},
      { taints: [{ key: 'k', effect: 'NoExecute' }] },
      {
        reason: 'TaintToleration',
        message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
      },
    ],
    ['NoSchedule taint', {}, { taints: [{ key: 'k', effect: 'NoSchedule' }] }, undefined],
    [
      'static Pod on a tainted node',
      { annotations: STATIC },
      { taints: [{ key: 'k', effect: 'NoExecute' }] },
      undefined,
    ],
    [
      'OS field',
      { spec: { os: { name: 'windows' } } },
      {},
      { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" },
    ],
    [
      'OS label',
      { labels: { 'kubernetes.io/os': 'windows' } },
      {},
      {
        reason: 'PodOSSelectorNodeLabelDoesNotMatch',
        message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
      },
    ],
    [
      'supplementalGroupsPolicy',
      { spec: { securityContext: { supplementalGroupsPolicy: 'Strict' } } },
      { supplementalGroupsPolicy: false },
      {
        reason: 'SupplementalGroupsPolicyNotSupported',
        message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
      },
    ],
    [
      'sysctl',
      { spec: { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } } },
      {},
      { reason: 'SysctlForbidden', message: 'forbidden sysctl: "kernel.msgmax" not allowlisted' },
    ],
    [
      'AppArmor on a host without it',
      { spec: { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } } },
      { appArmorError: 'AppArmor is not enabled on the host' },
      { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' },
    ],
    [
      'AppArmor unconfined on a host without it',
      { spec: { securityContext: { appArmorProfile: { type: 'Unconfined' } } } },
      { appArmorError: 'AppArmor is not enabled on the host' },
      undefined,
    ],
    [
      'AppArmor without a name',
      { annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'localhost/' } },
      {},
      { reason: 'AppArmor', message: 'Cannot enforce AppArmor: container "c" has an empty AppArmor profile name' },
    ],
    [
      'declared feature',
      { spec: { hostNetwork: true, hostUsers: false } },
      {},
      {
        reason: 'PodFeatureUnsupported',
        message: 'Pod requires node features that are not available: UserNamespacesHostNetworkSupport',
      },
    ],
    [
      'shutdown',
      {},
      { shuttingDown: true },
      { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' },
    ],
    [
      'BestEffort under memory pressure',
      {},
      { pressures: ['MemoryPressure'] },
      { reason: 'Evicted', message: 'The node had condition: [MemoryPressure]. ' },
    ],
    ['Burstable under memory pressure', { requests: { cpu: '1' } }, { pressures: ['MemoryPressure'] }, undefined],
    [
      'BestEffort that tolerates memory pressure',
      { spec: { tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }] } },
      { pressures: ['MemoryPressure'] },
      undefined,
    ],
    [
      'anything under disk pressure',
      { requests: { cpu: '1' } },
      { pressures: ['MemoryPressure', 'DiskPressure'] },
      { reason: 'Evicted', message: 'The node had condition: [MemoryPressure DiskPressure]. ' },
    ],
    ['critical under disk pressure', { priority: 2_000_000_000 }, { pressures: ['DiskPressure'] }, undefined],
  ];
  const other = testPod('other', { requests: { cpu: '1', memory: '1Gi' }, hostPorts: [80] });

  test.each(cases)('%s', (_name, pod, node, rejection) => {
    const answer = judge(testPod('p', pod), testNode(node), [other]);
    if (rejection) expect(answer).toMatchObject({ fits: false, rejection });
    else expect(answer).toEqual({ fits: true });
  });

  test('the Pod count', () => {
    const full = Array.from({ length: 10 }, (_, i) => testPod(`p${i}`));
    expect(judge(testPod('p'), testNode(), full)).toMatchObject({
      rejection: {
        reason: 'OutOfpods',
        message: "Node didn't have enough resource: pods, requested: 1, used: 10, capacity: 10",
      },
    });
  });

  test('a device plugin that has gone leaves its resource at zero', () => {
    const node = testNode({}, { 'example.com/gpu': '0' });
    expect(judge(testPod('p', { requests: { 'example.com/gpu': '1' } }), node)).toMatchObject({
      rejection: { reason: 'OutOfexample.com/gpu' },
    });
  });

  test('only node affinity in the way is told apart', () => {
    const selector = { spec: { nodeSelector: { zone: 'b' } } };
    expect(judge(testPod('p', selector), testNode())).toMatchObject({ onlyAffinity: true });
    expect(judge(testPod('p', { ...selector, hostPorts: [80] }), testNode(), [other])).toMatchObject({
      onlyAffinity: false,
    });
  });

  test('a critical Pod lacks room, but no room cures a taken port', () => {
    const critical = { priority: 2_000_000_000, requests: { cpu: '5' } };
    expect(judge(testPod('p', critical), testNode())).toMatchObject({ fits: false, lacking: [{ resource: 'cpu' }] });
    expect(judge(testPod('p', { ...critical, hostPorts: [80] }), testNode(), [other])).toMatchObject({
      rejection: { reason: 'NodePorts' },
    });
    expect(judge(testPod('p', critical), testNode({ shuttingDown: true }))).toMatchObject({
      rejection: { reason: 'NodeShutdown' },
    });
  });
});

describe('requests', () => {
  test.each<[string, TestPod, Record<string, bigint>]>([
    ['rounded up', { requests: { cpu: '0.1001', memory: '100m' } }, { cpu: 101n, memory: 1n }],
    ['overhead', { requests: { cpu: '1' }, spec: { overhead: { cpu: '250m' } } }, { cpu: 1250n }],
    [
      'init container larger',
      { spec: { initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }] }, requests: { cpu: '1' } },
      { cpu: 3000n },
    ],
    [
      'sidecar adds up',
      {
        spec: { initContainers: [{ name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '3' } } }] },
        requests: { cpu: '1' },
      },
      { cpu: 4000n },
    ],
  ])('%s', (_name, pod, expected) => {
    expect(measure(testPod('p', pod)).requests).toEqual(expected);
  });

  test('a zero request fits an overcommitted node', () => {
    const room = { allocatable: { cpu: 1n, pods: 9n }, used: { cpu: 5n }, pods: 0 };
    expect(shortages({ cpu: 0n, 'example.com/x': 0n }, room)).toEqual([]);
    expect(shortages({ cpu: 1n }, room)).toHaveLength(1);
  });
});

describe('host ports', () => {
  const port = (hostIP: string, protocol: string, number: number) => ({ hostIP, protocol, port: number });
  test.each([
    ['same', port('0.0.0.0', 'TCP', 80), port('0.0.0.0', 'TCP', 80), true],
    ['other port', port('0.0.0.0', 'TCP', 80), port('0.0.0.0', 'TCP', 81), false],
    ['other protocol', port('0.0.0.0', 'TCP', 80), port('0.0.0.0', 'UDP', 80), false],
    ['other address', port('10.0.0.1', 'TCP', 80), port('10.0.0.2', 'TCP', 80), false],
    ['all against one', port('0.0.0.0', 'TCP', 80), port('10.0.0.2', 'TCP', 80), true],
    ['one against all', port('10.0.0.1', 'TCP', 80), port('0.0.0.0', 'TCP', 80), true],
  ])('%s', (_name, a, b, conflict) => {
    expect(anyPortConflict([a], [b])).toBe(conflict);
  });

  test('sidecars count, plain init containers and zero do not; empty fields have their defaults', () => {
    const ports = [{ containerPort: 1, hostPort: 1 }];
    const initContainers = [
      { name: 'i', ports },
      {
        name: 's',
        restartPolicy: 'Always',
        ports: [{ containerPort: 2, hostPort: 2, protocol: 'UDP', hostIP: '1.2.3.4' }],
      },
    ];
    expect(hostPortsOf(testPod('p', { hostPorts: [0, 3], spec: { initContainers } }))).toEqual([
      port('1.2.3.4', 'UDP', 2),
      port('0.0.0.0', 'TCP', 3),
    ]);
    expect(hostPortsOf(testPod('p', { hostPorts: [0, 3] }))).toEqual([port('0.0.0.0', 'TCP', 3)]);
  });
});

describe('node affinity', () => {
  const node = { name: 'node-1', labels: { zone: 'a', size: '10' } };
  const withTerms = (...nodeSelectorTerms: NodeSelectorTerm[]) =>
    testPod('p', {
      spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } },
    });
  const one = (key: string, operator: string, values?: string[]) => ({
    matchExpressions: [{ key, operator, ...(values && { values }) }],
  });
  test.each<[string, NodeSelectorTerm[], boolean]>([
    ['In', [one('zone', 'In', ['a', 'b'])], true],
    ['In, other', [one('zone', 'In', ['b'])], false],
    ['NotIn', [one('zone', 'NotIn', ['b'])], true],
    ['NotIn, absent', [one('nope', 'NotIn', ['b'])], true],
    ['Exists', [one('zone', 'Exists')], true],
    ['DoesNotExist', [one('nope', 'DoesNotExist')], true],
    ['Gt', [one('size', 'Gt', ['9'])], true],
    ['Gt, equal', [one('size', 'Gt', ['10'])], false],
    ['Lt', [one('size', 'Lt', ['11'])], true],
    ['Gt of no number', [one('zone', 'Gt', ['1'])], false],
    ['unknown operator', [one('zone', 'Near', ['a'])], false],
    ['unknown operator beside a match', [one('zone', 'Near', ['a']), one('zone', 'Exists')], true],
    ['Exists with values', [one('zone', 'Exists', ['a'])], false],
    ['empty term', [{}], false],
    ['no terms', [], false],
    ['field', [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] }], true],
    ['field, other', [{ matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['node-1'] }] }], false],
    ['key that is inherited', [one('constructor', 'Exists')], false],
  ])('%s', (_name, terms, matches) => {
    expect(matchesRequiredNodeAffinity(withTerms(...terms), node)).toBe(matches);
  });
});

describe('taints', () => {
  const taint = { key: 'k', value: 'v', effect: 'NoExecute' };
  test.each([
    ['none', [], false],
    ['equal', [{ key: 'k', operator: 'Equal', value: 'v' }], true],
    ['equal without operator', [{ key: 'k', value: 'v' }], true],
    ['other value', [{ key: 'k', value: 'w' }], false],
    ['exists', [{ key: 'k', operator: 'Exists' }], true],
    ['everything', [{ operator: 'Exists' }], true],
    ['other effect', [{ operator: 'Exists', effect: 'NoSchedule' }], false],
    ['comparison is alpha', [{ key: 'k', operator: 'Gt', value: '1' }], false],
  ])('%s', (_name, tolerations, tolerated) => {
    expect(untoleratedTaint(testPod('p', { spec: { tolerations } }), [taint])).toBe(tolerated ? undefined : taint);
  });
});

describe('sysctls', () => {
  const list = sysctlAllowlist('4.5.0-rc1', ['kernel.msg*', 'net.core.somaxconn', 'net/ipv6/conf/*']);
  test.each([
    ['kernel.shm_rmid_forced', {}, undefined],
    ['kernel/shm_rmid_forced', {}, undefined],
    ['kernel.shm_rmid_forced', { hostIPC: true }, '"kernel.shm_rmid_forced" not allowed with host IPC enabled'],
    ['net.ipv4.tcp_syncookies', { hostNetwork: true }, '"net.ipv4.tcp_syncookies" not allowed with host Net enabled'],
    ['net.ipv4.tcp_keepalive_time', {}, undefined],
    ['net.ipv4.tcp_fin_timeout', {}, '"net.ipv4.tcp_fin_timeout" not allowlisted'],
    ['kernel.msgmax', {}, undefined],
    ['kernel.msgmax', { hostIPC: true }, '"kernel.msgmax" not allowed with host IPC enabled'],
    ['net.core.somaxconn', {}, undefined],
    ['net.ipv6.conf.eth0/1.forwarding', {}, undefined],
    ['vm.swappiness', {}, '"vm.swappiness" not allowlisted'],
  ])('%s with %j', (name, spec, problem) => {
    const answer = checkSysctls(
      { containers: [], ...spec, securityContext: { sysctls: [{ name, value: '1' }] } },
      list,
    );
    expect(answer?.message).toBe(problem && `forbidden sysctl: ${problem}`);
  });

  test.each([['vm.swappiness'], ['kernel.*.x'], ['Net.x'], ['']])('refuses the pattern %j', (pattern) => {
    expect(() => sysctlAllowlist('6.1', [pattern])).toThrow(/sysctl/);
  });

  test('the first separator decides the form of a name', () => {
    expect(normalizeSysctl('net/ipv4/conf/eno2.100/rp_filter')).toBe('net.ipv4.conf.eno2/100.rp_filter');
    expect(normalizeSysctl('net.ipv4.conf.eno2/100.rp_filter')).toBe('net.ipv4.conf.eno2/100.rp_filter');
  });
});

describe('preemption', () => {
  const critical = testPod('critical', { priority: 2_000_000_000 });
  const guaranteed = (uid: string, cpu: string) =>
    testPod(uid, { requests: { cpu, memory: '1Mi' }, limits: { cpu, memory: '1Mi' } });
  const burstable = (uid: string, cpu: string) => testPod(uid, { requests: { cpu } });
  const lack = (cpu: bigint) => [{ resource: 'cpu', requested: cpu, used: 0n, capacity: 0n }];
  const names = (pods: readonly StoredPod[], cpu: bigint) => {
    const choice = choosePreemption(critical, pods.map(holder), lack(cpu));
    return 'error' in choice ? choice.error : choice.victims.map(({ pod }) => pod.metadata.uid);
  };

  test.each<[string, StoredPod[], bigint, unknown]>([
    ['burstable before guaranteed', [guaranteed('g', '2'), burstable('b', '2')], 1000n, ['b']],
    ['fewest pods', [burstable('s1', '1'), burstable('s2', '1'), burstable('l', '2')], 2000n, ['l']],
    ['smaller of two that suffice', [burstable('l', '3'), burstable('s', '2')], 2000n, ['s']],
    [
      'guaranteed only for the rest',
      [guaranteed('g1', '1'), guaranteed('g2', '2'), burstable('b', '2')],
      3000n,
      ['b', 'g1'],
    ],
    [
      'critical Pods stay',
      [testPod('c2', { priority: 2_000_000_000, requests: { cpu: '4' } }), burstable('b', '1')],
      1000n,
      ['b'],
    ],
    [
      'impossible',
      [burstable('b', '1')],
      2000n,
      'preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]',
    ],
  ])('%s', (_name, pods, cpu, victims) => {
    expect(names(pods, cpu)).toEqual(victims);
  });

  test('a missing Pod slot costs one Pod, the least important', () => {
    const lacking = [{ resource: 'pods', requested: 1n, used: 3n, capacity: 3n }];
    const choice = choosePreemption(
      critical,
      [guaranteed('g', '1'), burstable('b', '1'), testPod('e')].map(holder),
      lacking,
    );
    expect(choice).toMatchObject({ victims: [{ pod: { metadata: { uid: 'e' } } }] });
  });
});
