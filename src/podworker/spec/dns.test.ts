import type { PodSpec } from '../../types/k8s.ts';
import { type DnsInputs, podDnsConfig } from './dns.ts';
import { parseResolvConf } from './resolvConf.ts';

describe('parseResolvConf', () => {
  test.each<[string, string[], string[], string[]]>([
    ['', [], [], []],
    [' ', [], [], []],
    ['\n', [], [], []],
    ['\t\n\t', [], [], []],
    ['#comment\n', [], [], []],
    [' #comment\n', [], [], []],
    ['nameserver 1.2.3.4', ['1.2.3.4'], [], []],
    ['  \tnameserver \t 1.2.3.4', ['1.2.3.4'], [], []],
    ['\tnameserver 1.2.3.4 \nnameserver  5.6.7.8', ['1.2.3.4', '5.6.7.8'], [], []],
    ['nameserver 1.2.3.4 #comment', ['1.2.3.4'], [], []],
    ['nameserver\\t1.2.3.4', [], [], []],
    ['search ', [], [], []],
    ['search .', [], [], []],
    ['search foo', [], ['foo'], []],
    ['search foo bar', [], ['foo', 'bar'], []],
    ['search foo. bar', [], ['foo', 'bar'], []],
    ['search foo\nsearch bar', [], ['bar'], []],
    ['nameserver 1.2.3.4\nsearch foo\nnameserver 5.6.7.8', ['1.2.3.4', '5.6.7.8'], ['foo'], []],
    ['options ', [], [], []],
    ['options ndots:5 attempts:2', [], [], ['ndots:5', 'attempts:2']],
    ['options ndots:1\noptions ndots:5 attempts:3', [], [], ['ndots:5', 'attempts:3']],
    ['options ndots:5 ndots:2 debug debug', [], [], ['ndots:2', 'debug']],
    ['domain example.com\nsortlist 1.2.3.4', [], [], []],
    ['nameserver 1.2.3.4\r\nsearch a.b\r\n', ['1.2.3.4'], ['a.b'], []],
  ])('%j', (text, servers, searches, options) => {
    expect(parseResolvConf(text)).toEqual({ servers, searches, options });
  });

  test.each(['nameserver', 'nameserver \t', 'search a\nnameserver\nnameserver 1.2.3.4'])('%j is an error', (text) => {
    expect(parseResolvConf(text)).toEqual({ error: 'nameserver list is empty ' });
  });
});

const node: DnsInputs = {
  hostResolvConf: 'nameserver 8.8.8.8\nsearch host.domain\noptions timeout:3\n',
  clusterDNS: ['10.0.0.10'],
  clusterDomain: 'kubernetes.io',
  nodeIPs: [],
};
const pod = (spec: Partial<PodSpec>) => ({
  metadata: { name: 'p', namespace: 'testNS', uid: 'uid' },
  spec: { containers: [], ...spec },
});
const cluster = ['testNS.svc.kubernetes.io', 'svc.kubernetes.io', 'kubernetes.io'];
const dnsConfig = {
  nameservers: ['10.0.0.11', '10.0.0.10'],
  searches: ['my.domain', 'host.domain'],
  options: [{ name: 'ndots', value: '3' }, { name: 'debug' }],
};

describe('podDnsConfig', () => {
  test.each<[string, Partial<PodSpec>, Partial<DnsInputs>, string[], string[], string[]]>([
    ['None', { dnsPolicy: 'None' }, {}, [], [], []],
    [
      'None + config',
      { dnsPolicy: 'None', dnsConfig },
      {},
      dnsConfig.nameservers,
      dnsConfig.searches,
      ['ndots:3', 'debug'],
    ],
    ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }, {}, ['10.0.0.10'], [...cluster, 'host.domain'], ['ndots:5']],
    [
      'ClusterFirst + config',
      { dnsPolicy: 'ClusterFirst', dnsConfig },
      {},
      ['10.0.0.10', '10.0.0.11'],
      [...cluster, 'host.domain', 'my.domain'],
      ['ndots:3', 'debug'],
    ],
    [
      'ClusterFirst on the host network',
      { dnsPolicy: 'ClusterFirst', hostNetwork: true },
      {},
      ['8.8.8.8'],
      ['host.domain'],
      ['timeout:3'],
    ],
    [
      'ClusterFirstWithHostNet',
      { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true },
      {},
      ['10.0.0.10'],
      [...cluster, 'host.domain'],
      ['ndots:5'],
    ],
    ['Default', { dnsPolicy: 'Default' }, {}, ['8.8.8.8'], ['host.domain'], ['timeout:3']],
    [
      'Default + config',
      { dnsPolicy: 'Default', dnsConfig: { ...dnsConfig, options: [{ name: 'timeout', value: '9' }] } },
      {},
      ['8.8.8.8', '10.0.0.11', '10.0.0.10'],
      ['host.domain', 'my.domain'],
      ['timeout:9'],
    ],
    ['unknown policy', { dnsPolicy: 'x' }, {}, ['10.0.0.10'], [...cluster, 'host.domain'], ['ndots:5']],
    [
      'no cluster domain',
      { dnsPolicy: 'ClusterFirst' },
      { clusterDomain: '' },
      ['10.0.0.10'],
      ['host.domain'],
      ['ndots:5'],
    ],
    ['no resolv.conf', { dnsPolicy: 'Default' }, { hostResolvConf: null }, ['127.0.0.1'], ['.'], []],
    [
      'no resolv.conf, two families',
      { dnsPolicy: 'Default' },
      { hostResolvConf: null, nodeIPs: ['fd00::1', '10.1.1.1'] },
      ['::1', '127.0.0.1'],
      ['.'],
      [],
    ],
    [
      'no resolv.conf, cluster',
      { dnsPolicy: 'ClusterFirst' },
      { hostResolvConf: null },
      ['10.0.0.10'],
      cluster,
      ['ndots:5'],
    ],
    ['an empty resolv.conf is not none', { dnsPolicy: 'Default' }, { hostResolvConf: '' }, [], [], []],
  ])('%s', (_name, spec, inputs, servers, searches, options) => {
    expect(podDnsConfig(pod(spec), { ...node, ...inputs })).toEqual({ servers, searches, options, warnings: [] });
  });

  test('options keep the order of their declaration', () => {
    const spec: Partial<PodSpec> = { dnsPolicy: 'ClusterFirst', dnsConfig: { options: [] } };
    const names = ['zebra', 'ndots', 'alpha', 'edns0', 'mike'];
    const options = names.map((name) => ({ name, value: '1' }));
    const made = podDnsConfig(pod({ ...spec, dnsConfig: { options } }), node).options;
    expect(made).toEqual(['ndots:1', 'zebra:1', 'alpha:1', 'edns0:1', 'mike:1']);
  });

  test('a search domain that the host and the cluster share counts once', () => {
    const inputs = { ...node, hostResolvConf: 'search kubernetes.io host.domain' };
    expect(podDnsConfig(pod({ dnsPolicy: 'ClusterFirst' }), inputs).searches).toEqual([...cluster, 'host.domain']);
  });

  test('without cluster DNS the host answers, and both the node and the Pod are told', () => {
    const { servers, warnings } = podDnsConfig(pod({ dnsPolicy: 'ClusterFirst' }), { ...node, clusterDNS: [] });
    const text =
      'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. ' +
      'Falling back to "Default" policy.';
    expect(servers).toEqual(['8.8.8.8']);
    expect(warnings).toEqual([
      { object: 'Node', reason: 'MissingClusterDNS', message: text },
      { object: 'Pod', reason: 'MissingClusterDNS', message: `pod: "p_testNS(uid)". ${text}` },
    ]);
  });

  test('a broken resolv.conf fails even a Pod that does not use it', () => {
    expect(() => podDnsConfig(pod({ dnsPolicy: 'None' }), { ...node, hostResolvConf: 'nameserver' })).toThrow(
      'Encountered error while parsing resolv conf file. Error: nameserver list is empty ',
    );
  });
});

describe('a resolv.conf that cannot be read', () => {
  const unreadable = 'open /etc/resolv.conf: no such file or directory';
  test.each<[string, Partial<PodSpec>]>([
    ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }],
    ['Default', { dnsPolicy: 'Default' }],
    ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'] } }],
    ["the node's network", { dnsPolicy: 'ClusterFirst', hostNetwork: true }],
  ])('fails every Pod, whatever its policy: %s', (_name, spec) => {
    expect(() => podDnsConfig(pod(spec), { ...node, hostResolvConf: { unreadable } })).toThrow(unreadable);
  });
});

describe('limits', () => {
  const limited = (searches: string[], nameservers: string[] = []) =>
    podDnsConfig(pod({ dnsPolicy: 'None', dnsConfig: { searches, nameservers } }), node);
  const many = (count: number, length: number) =>
    Array.from({ length: count }, (_, i) => String(i).padStart(length, 'x'));

  test('three nameservers', () => {
    expect(limited([], ['1', '2', '3'])).toMatchObject({ servers: ['1', '2', '3'], warnings: [] });
    const { servers, warnings } = limited([], ['1', '2', '3', '4']);
    expect(servers).toEqual(['1', '2', '3']);
    expect(warnings).toEqual([
      {
        object: 'Pod',
        reason: 'DNSConfigForming',
        message:
          'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 1 2 3',
      },
    ]);
  });

  test('32 search paths', () => {
    expect(limited(many(32, 5)).warnings).toEqual([]);
    const { searches, warnings } = limited(many(33, 5));
    expect(searches).toEqual(many(32, 5));
    expect(warnings.map((w) => w.message)).toEqual([
      'Search Line limits were exceeded, some search paths have been omitted, ' +
        `the applied search line is: ${many(32, 5).join(' ')}`,
    ]);
  });

  test('2048 characters in all', () => {
    const line = [...many(9, 204), 'y'.repeat(203)]; // 9 × 205 + 203 = 2048
    expect(limited(line)).toMatchObject({ searches: line, warnings: [] });
    const over = [...many(9, 204), 'y'.repeat(204)];
    expect(limited(over).searches).toEqual(over.slice(0, 9));
  });

  test('a path over 253 characters is left out, those after it stay', () => {
    const { searches, warnings } = limited(['a', 'b'.repeat(254), 'c'.repeat(253)]);
    expect(searches).toEqual(['a', 'c'.repeat(253)]);
    expect(warnings).toHaveLength(1);
  });

  test('each excess has its event', () => {
    expect(limited(many(40, 100), ['1', '2', '3', '4']).warnings).toHaveLength(2);
  });
});
