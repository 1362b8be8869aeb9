import { JOIN_HELP } from './help.ts';
import { parseJoin } from './options.ts';

const good = ['--server', 'https://10.0.0.1:6443', '--token', 'x'];

test('what is not said has k3s’ defaults', () => {
  expect(parseJoin([...good, '--node-name', 'Edge-1'], {})).toMatchObject({
    server: new URL('https://10.0.0.1:6443'),
    token: { text: 'x' },
    nodeName: 'edge-1',
    nodeIps: [],
    dataDir: '/var/lib/rancher/k3s/agent',
    nodePasswordFile: '/etc/rancher/node/password',
    balancerPort: 6444,
    kubeletArguments: [],
  });
});

test('server and token come from k3s’ environment variables too, and flags win', () => {
  const env = { K3S_URL: 'https://a:6443', K3S_TOKEN: 'e', K3S_TOKEN_FILE: '/f' };
  expect(parseJoin([], env)).toMatchObject({ server: new URL('https://a:6443'), token: { text: 'e' } });
  expect(parseJoin(['--token-file', '/t', '-s', 'https://b:1/'], env)).toMatchObject({
    server: new URL('https://b:1'),
    token: { file: '/t' },
  });
});

test('lists may be given with commas and several times; what comes after -- is the kubelet’s', () => {
  const args = [
    '--node-label',
    'a=1,b=2',
    '--node-label',
    'c=',
    '--node-taint',
    'k=v:NoSchedule',
    '--',
    '--v=4',
    '--help',
  ];
  expect(parseJoin([...good, '--node-ip', '10.0.0.2,fd00::2', ...args], {})).toMatchObject({
    nodeIps: ['10.0.0.2', 'fd00::2'],
    nodeLabels: ['a=1', 'b=2', 'c='],
    nodeTaints: ['k=v:NoSchedule'],
    kubeletArguments: ['--v=4', '--help'],
  });
});

test.each([
  [[], 'needs --server'],
  [['--server', 'https://a:6443'], 'needs --token-file or --token'],
  [['--server', 'http://a:6443', '--token', 'x'], 'must be an https:// URL'],
  [['--server', 'https://a:6443/path', '--token', 'x'], 'scheme, host and port alone'],
  [[...good, '--token-file', 'f'], 'one of --token and --token-file'],
  [[...good, '--node-name', 'a_b'], '--node-name must be a DNS name'],
  [[...good, '--node-ip', '10.0.0'], 'must be IP addresses'],
  [[...good, '--node-ip', '10.0.0.1,10.0.0.2'], 'one of IPv4 and one of IPv6'],
  [[...good, '--node-label', 'a'], '--node-label must be key=value'],
  [[...good, '--node-taint', 'a=b:Never'], '--node-taint must be'],
  [[...good, '--lb-server-port', '0'], '--lb-server-port must be a port'],
  [[...good, '--data-dir', 'x'], 'must be an absolute path'],
  [[...good, '--what'], "Unknown option '--what'"],
  [['hunter2'], 'takes flags only'],
])('%j is refused', (args, words) => {
  let said = '';
  try {
    parseJoin(args as string[], {});
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toContain(words);
  expect(said).toContain('join k3s');
  expect(said).not.toContain('hunter2');
});

test('the help names every flag', () => {
  expect(parseJoin(['--help'], {})).toBe('help');
  for (const flag of [
    'server',
    'token',
    'token-file',
    'node-name',
    'with-node-id',
    'node-ip',
    'node-external-ip',
    'node-label',
    'node-taint',
    'data-dir',
    'node-password-file',
    'container-runtime-endpoint',
    'resolv-conf',
    'lb-server-port',
  ])
    expect(JOIN_HELP).toContain(`--${flag}`);
});
