import type { NodeEvent, PodEvent } from '../../events/event.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { ActionContext } from '../outcome.ts';
import { createSandbox } from './sandbox.ts';
import type { Services } from './services.ts';

test('a node without cluster DNS is told of at the Pod and at the Node, a sandbox that cannot be read at the Pod', async () => {
  const told: PodEvent[] = [];
  const node: NodeEvent[] = [];
  const pod = allocatedAsAsked({
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { dnsPolicy: 'ClusterFirst', containers: [] },
  });
  const services = {
    dns: () => ({ hostResolvConf: 'nameserver 1.1.1.1\n', clusterDNS: [], clusterDomain: 'c', nodeIPs: [] }),
    nodeEvent: (event: NodeEvent) => node.push(event),
    sandboxConfigs: { get: () => ({}), delete: () => true },
    spec: {},
    cgroups: { parent: () => '' },
    placement: { unthrottled: () => false },
    runtimeHandler: () => '',
    gate: { run: (_ticket: unknown, work: () => unknown) => work() },
    cri: {
      runPodSandbox: async () => 'id',
      podSandboxStatus: async () => {
        throw new Error('the runtime is gone');
      },
    },
  } as unknown as Services;
  const context = {
    pod,
    facts: { uid: 'u' },
    event: (event: PodEvent) => told.push(event),
  } as unknown as ActionContext;
  await createSandbox(services, context, 0).catch(() => {});
  expect(node.map((e) => e.reason)).toEqual(['MissingClusterDNS']);
  expect(told.map((e) => `${e.reason}: ${e.message}`)).toEqual([
    expect.stringContaining('MissingClusterDNS: pod: "p_ns(u)"'),
    'FailedPodSandBoxStatus: Unable to get pod sandbox status: the runtime is gone',
  ]);
});
