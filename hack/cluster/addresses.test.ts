import { controlOf, furtherNodes, mostNodes, nodeAddress, podCidr } from './addresses.ts';
import { layoutOf, net } from './layout.ts';
import type { Cluster } from './state.ts';

const state = { controlPlane: true, apiPort: 0, services: {} };
const first: Cluster = { layout: layoutOf('a'), state };

test('every node has an address and Pods of its own, within what kube-proxy takes for Pods', () => {
  const further = furtherNodes('a', mostNodes).map(({ joined }) => joined);
  const addresses = [net.nodeAddress, ...further.map(({ address }) => address)];
  const cidrs = [net.podCidr, ...further.map((joined) => joined.podCidr)];
  expect(new Set(addresses).size).toBe(mostNodes);
  expect(new Set(cidrs).size).toBe(mostNodes);
  expect(addresses.filter((address) => ['172.30.0.11', '172.30.0.20'].includes(address))).toEqual([]); // kubeadm's, the VM's
  // 10.244.0.0/14, of which 10.245 is the VM's
  expect(cidrs.map((cidr) => Number(cidr.split('.')[1]))).toEqual([244, 246, 247]);
  expect(net.allPods).toBe('10.244.0.0/14');
});

test('a further node is a cluster of another name that knows its control plane', () => {
  const [second] = furtherNodes('a', 2);
  const node: Cluster = {
    layout: layoutOf(second!.name),
    state: { ...state, controlPlane: false, joined: second!.joined },
  };
  expect(node.layout.nodeName).toBe('a-2-node');
  expect([nodeAddress(node), podCidr(node)]).toEqual(['172.30.0.12', '10.246.0.0/16']);
  expect(controlOf(node)).toEqual(first.layout);
  expect([nodeAddress(first), podCidr(first), controlOf(first)]).toEqual([net.nodeAddress, net.podCidr, first.layout]);
  expect(controlOf({ ...first, state: { ...state, controlPlane: false } })).toBeUndefined();
});

test.each([0, 1.5, Number.NaN, mostNodes + 1])('%d nodes are refused', (nodes) => {
  expect(() => furtherNodes('a', nodes)).toThrow('--nodes: a number from 1 to 3');
});
