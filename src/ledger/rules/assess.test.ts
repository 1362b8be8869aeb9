import type { StoredPod } from '../../types/k8s.ts';
import { type TestPod, testNode, testPod } from '../fake/pods.ts';
import type { NodeView, Rejection } from '../types.ts';
import { assess } from './assess.ts';
import { shortages } from './fit.ts';
import { hostPortsOf } from './hostPorts.ts';
import { knownRequests, measure } from './measure.ts';
import { takenBy } from './room.ts';

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
