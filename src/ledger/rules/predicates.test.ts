import type { NodeSelectorTerm } from '../../types/k8s.ts';
import { testPod } from '../fake/pods.ts';
import { anyPortConflict, hostPortsOf } from './hostPorts.ts';
import { matchesRequiredNodeAffinity } from './nodeAffinity.ts';
import { checkSysctls, sysctlAllowlist } from './sysctls.ts';
import { untoleratedTaint } from './taints.ts';

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
});
