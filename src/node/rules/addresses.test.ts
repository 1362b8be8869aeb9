import { testFacts, testSettings } from '../fake/facts.ts';
import type { AddressFacts, NodeSettings } from '../types.ts';
import { nodeAddresses, nodeIPError, parseNodeIPs } from './addresses.ts';

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
