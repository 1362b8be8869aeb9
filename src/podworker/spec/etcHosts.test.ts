import type { PodSpec } from '../../types/k8s.ts';
import { etcHosts, mountsEtcHosts } from './etcHosts.ts';

const head =
  '# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' +
  'fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n';
const aliases = [
  { ip: '123.45.67.89', hostnames: ['foo', 'bar', 'baz'] },
  { ip: '456.78.90.123', hostnames: ['park'] },
];
const aliasText = '\n# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar\tbaz\n456.78.90.123\tpark\n';
const pod = (spec: Partial<PodSpec>) => ({ spec: { containers: [], ...spec } });

test.each<[string, Partial<PodSpec>, string[], string, string]>([
  ['no domain', {}, ['203.0.113.1'], '', `${head}203.0.113.1\tweb\n`],
  ['domain', {}, ['203.0.113.1'], 'a.b', `${head}203.0.113.1\tweb.a.b\tweb\n`],
  ['two families', {}, ['203.0.113.1', 'fd00::6'], '', `${head}203.0.113.1\tweb\nfd00::6\tweb\n`],
  ['aliases', { hostAliases: aliases }, ['203.0.113.1'], '', `${head}203.0.113.1\tweb\n${aliasText}`],
  ['no address yet', {}, [], '', head],
  [
    'host network',
    { hostNetwork: true },
    ['10.0.0.1'],
    'a.b',
    '# Kubernetes-managed hosts file (host network).\nX\tnode\n',
  ],
  [
    'host network with aliases',
    { hostNetwork: true, hostAliases: aliases },
    [],
    '',
    `# Kubernetes-managed hosts file (host network).\nX\tnode\n${aliasText}`,
  ],
])('etcHosts: %s', (_name, spec, podIPs, domain, wanted) => {
  const inputs = { podIPs, hostname: { hostname: 'web', domain }, nodeHosts: 'X\tnode\n' };
  expect(etcHosts(pod(spec), inputs)).toBe(wanted);
});

test.each<[string, Partial<PodSpec>, string[], string[], boolean]>([
  ['addresses', {}, ['10.0.0.1'], [], true],
  ['no address', {}, [], [], false],
  ['host network without address', { hostNetwork: true }, [], [], true],
  ['own mount', {}, ['10.0.0.1'], ['/etc/hosts'], false],
  ['another spelling is another mount', {}, ['10.0.0.1'], ['/etc/hosts/'], true],
  ['own mount on the host network', { hostNetwork: true }, [], ['/x', '/etc/hosts'], false],
])('mountsEtcHosts: %s', (_name, spec, podIPs, mounts, wanted) => {
  expect(mountsEtcHosts(pod(spec), { volumeMounts: mounts.map((mountPath) => ({ mountPath })) }, podIPs)).toBe(wanted);
});
