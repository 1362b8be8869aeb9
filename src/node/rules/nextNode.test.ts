import type { Node } from '../../types/k8s.ts';
import { testFacts, testSettings } from '../fake/facts.ts';
import { initialNode, reconciledNode } from '../nodeObject.ts';
import { OWN_CONDITIONS } from './conditions.ts';
import { nextNode } from './nextNode.ts';
import { nodeChanged, nodeStatusPatch } from './statusPatch.ts';

const NOW = '2026-11-21T18:00:00Z';
const LATER = '2026-11-21T18:00:10Z';

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
