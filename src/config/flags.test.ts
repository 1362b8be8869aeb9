import { parseCommand } from './command.ts';
import { parseFlags } from './flags.ts';
import { FLAGS } from './flagTable.ts';
import { runHelp } from './help.ts';

const overrides = (...args: string[]) => Object.fromEntries(parseFlags(args).overrides);
function refused(...args: string[]): string {
  try {
    parseFlags(args);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`${args.join(' ')} was accepted`);
}

describe('flags in Go style', () => {
  test.each([
    [['--max-pods=7'], { maxPods: 7 }],
    [['--max-pods', '7'], { maxPods: 7 }],
    [['--max_pods', '0x10'], { maxPods: 16 }],
    [['--fail-swap-on'], { failSwapOn: true }],
    [['--fail-swap-on=F'], { failSwapOn: false }],
    [['-v4'], { 'logging.verbosity': 4 }],
    [['-v=4'], { 'logging.verbosity': 4 }],
    [['-v', '4'], { 'logging.verbosity': 4 }],
    [['--v=4'], { 'logging.verbosity': 4 }],
    [['--resolv-conf='], { resolvConf: '' }],
    [
      ['--cluster-dns=10.0.0.1,10.0.0.2', '--cluster-dns', '10.0.0.3'],
      { clusterDNS: ['10.0.0.1', '10.0.0.2', '10.0.0.3'] },
    ],
    [
      ['--eviction-hard=memory.available<1Gi,nodefs.available<5%'],
      { evictionHard: { 'memory.available': '1Gi', 'nodefs.available': '5%' } },
    ],
    [['--feature-gates=A=true,B=false', '--feature-gates=C=1'], { featureGates: { A: true, B: false, C: true } }],
    [['--manifest-url-header=a:1,b:2,a:3'], { staticPodURLHeader: { a: ['1', '3'], b: ['2'] } }],
    [
      ['--register-with-taints=a=b:NoSchedule,c:NoExecute'],
      {
        registerWithTaints: [
          { key: 'a', value: 'b', effect: 'NoSchedule' },
          { key: 'c', value: '', effect: 'NoExecute' },
        ],
      },
    ],
    [
      ['--reserved-memory=0:memory=1Gi,hugepages-1M=2Gi', '--reserved-memory=1:memory=2Gi'],
      {
        reservedMemory: [
          { numaNode: 0, limits: { memory: '1Gi', 'hugepages-1M': '2Gi' } },
          { numaNode: 1, limits: { memory: '2Gi' } },
        ],
      },
    ],
    [['--system-reserved=cpu=100m,memory=1Gi'], { systemReserved: { cpu: '100m', memory: '1Gi' } }],
    [['--cpu-manager-policy-options=a=b,c'], { cpuManagerPolicyOptions: { a: 'b,c' } }],
    [
      ['--vmodule=a=1,b*=2'],
      {
        'logging.vmodule': [
          { filePattern: 'a', verbosity: 1 },
          { filePattern: 'b*', verbosity: 2 },
        ],
      },
    ],
    [['--sync-frequency=1m30s'], { syncFrequency: '1m30s' }],
  ] as [string[], object][])('%j', (args, expected) => {
    expect(overrides(...args)).toEqual(expected);
  });

  test.each([
    [['--max-pod=7'], 'unknown flag: --max-pod (did you mean --max-pods?)'],
    [['--debug-address=x'], 'unknown flag: --debug-address (did you mean --ts-debug-address?)'],
    [['--zzzzzzzzzz'], 'unknown flag: --zzzzzzzzzz'],
    [['-x'], 'unknown flag: -x'],
    [['run'], 'unknown command run'],
    [['--fail-swap-on', 'false'], "unknown command false (a flag of true or false takes its value after '=')"],
    [['--', 'x'], 'unknown command x'],
    [['--max-pods'], '--max-pods needs a value'],
    [['--max-pods=x'], '--max-pods must be an integer, not "x"'],
    [['--max-pods=-1'], '--max-pods must be at least 0, not -1'],
    [['--max-pods=2147483648'], '--max-pods must be an integer between -2147483648 and 2147483647, not 2147483648'],
    [['--enable-server=maybe'], '--enable-server must be true or false, not "maybe"'],
    [['--address=localhost'], '--address must be an IP address, not "localhost"'],
    [['--cgroup-driver=x'], '--cgroup-driver must be one of "cgroupfs", "systemd", not "x"'],
    [
      ['--sync-frequency=5'],
      '--sync-frequency must be a duration such as \'1m30s\' (units ns, us, ms, s, m, h), not "5"',
    ],
    [['--eviction-hard=memory.available=1'], '--eviction-hard must be a list of key<value, not "memory.available=1"'],
    [['--feature-gates=A'], '--feature-gates must be a list of Name=true or Name=false, not "A"'],
    [
      ['--register-with-taints=a=b'],
      '--register-with-taints must be a list of key=value:effect, with the effect NoSchedule, PreferNoSchedule or NoExecute, not "a=b"',
    ],
    [['--cloud-provider=aws'], '--cloud-provider must be empty or \'external\', not "aws"'],
    [
      ['--ts-debug-address=0.0.0.0:1'],
      '--ts-debug-address must be \'off\' or a loopback address with a port, such as 127.0.0.1:10247, not "0.0.0.0:1"',
    ],
    [
      ['--ts-debug-address=127.0.0.999:1'],
      '--ts-debug-address must be \'off\' or a loopback address with a port, such as 127.0.0.1:10247, not "127.0.0.999:1"',
    ],
    [
      ['--ts-debug-socket=debug.sock'],
      '--ts-debug-socket must be \'off\' or the absolute path of a unix socket, not "debug.sock"',
    ],
    [
      [`--ts-debug-socket=/${'a'.repeat(107)}`],
      "--ts-debug-socket must not be longer than 107 bytes, the most that a unix socket's path can have (it has 108)",
    ],
    [['--manifest-url-header=topsecret'], '--manifest-url-header must be a list of name:value'],
    [['--version=3'], "--version must be 'true', 'false' or 'raw'"],
  ])('%j is refused: %s', (args, sentence) => {
    expect(refused(...args)).toBe(sentence);
  });

  test('every problem is told, not only the first', () => {
    expect(refused('--max-pods=x', '--porty=1', 'y').split('\n')).toHaveLength(3);
  });

  test('node labels keep to what NodeRestriction allows', () => {
    const labels = 'a=b,node.kubernetes.io/x=1,x.kubelet.kubernetes.io/y=2,topology.kubernetes.io/zone=z,k8s.iox/a=b';
    expect(parseFlags([`--node-labels=${labels}`]).options.nodeLabels).toMatchObject({
      a: 'b',
      'node.kubernetes.io/x': '1',
    });
    expect(refused('--node-labels=node-role.kubernetes.io/x=')).toMatch(
      /^--node-labels must not set node-role.kubernetes.io\/x: /,
    );
    expect(refused('--node-labels=a=b c')).toMatch("'b c' is none");
    expect(refused('--node-labels=-a=b')).toMatch("'-a' is none");
  });

  test('every flag that is no field reads its own default back', () => {
    const { options } = parseFlags([]);
    for (const flag of FLAGS.values()) if (flag.path === undefined) expect(flag.row.fallback).toBeDefined();
    expect(options).toMatchObject({
      rootDir: '/var/lib/kubelet',
      kubeconfig: '',
      tsDebugAddress: 'off',
      tsDebugSocket: '',
    });
    expect(Object.isFrozen(options)).toBe(true);
  });
});

describe('commands', () => {
  const agent = { socket: '/var/lib/kubelet/kubelet-ts/debug.sock' };
  test.each([
    [['why'], { kind: 'why', agent, output: 'text' }],
    [['why', '--node'], { kind: 'why', node: true, agent, output: 'text' }],
    [['why', 'a/b', '-o', 'json'], { kind: 'why', pod: { namespace: 'a', name: 'b' }, agent, output: 'json' }],
    [['why', 'node'], { kind: 'why', node: true, agent, output: 'text' }],
    [['why', 'default/node'], { kind: 'why', pod: { namespace: 'default', name: 'node' }, agent, output: 'text' }],
    [['timeline', '-n', 'a', 'b'], { kind: 'timeline', pod: { namespace: 'a', name: 'b' }, agent, output: 'text' }],
    [['why', '--root-dir=/k/'], { kind: 'why', agent: { socket: '/k/kubelet-ts/debug.sock' }, output: 'text' }],
    [['why', '--socket', '/s'], { kind: 'why', agent: { socket: '/s' }, output: 'text' }],
    [['why', '--address=[::1]:1'], { kind: 'why', agent: { address: '[::1]:1' }, output: 'text' }],
    [
      ['replay', 'f', '--pod=b'],
      { kind: 'replay', file: 'f', pod: { namespace: 'default', name: 'b' }, output: 'text' },
    ],
    [['plan', 'f', 'g'], { kind: 'plan', files: ['f', 'g'], output: 'text' }],
    [['--version'], { kind: 'print', text: 'Kubernetes v1.36.3' }],
    [
      ['--version=raw'],
      { kind: 'print', text: expect.stringMatching(/^version.Info\{Major:"1", Minor:"36", .*GitVersion:"v1.36.3"/) },
    ],
    [['--max-pods=1', '-h', '--nonsense'], { kind: 'print', text: runHelp() }],
    [['why', '--help'], { kind: 'print', text: expect.stringMatching(/^kubelet-ts why/) }],
    [['--version=false'], { kind: 'run', flags: expect.anything() }],
  ] as [string[], object][])('%j', (args, expected) => {
    expect(parseCommand(args)).toEqual(expected);
  });

  test.each([
    [['timeline'], /^timeline needs the name of a Pod/],
    [['why', 'a', 'b'], /^why takes one Pod, not 2/],
    [['why', '--node', 'a'], /^why takes a Pod or --node, not both/],
    [['why', '--nope'], /^why Unknown option '--nope' \(see kubelet-ts why --help\)$/],
    [['why', '--socket=/s', '--address=127.0.0.1:1'], /^why takes one of --socket and --address, not both/],
    [['why', '--address=192.0.2.1:1'], /^why --address must be a loopback address with a port, not "192.0.2.1:1"/],
    [['replay'], /^replay needs one recorded file/],
    [['plan'], /^plan needs a manifest/],
    [['why', '-o', 'yaml'], /^--output must be text or json, not "yaml"$/],
  ] as [string[], RegExp][])('%j is refused', (args, sentence) => {
    expect(() => parseCommand(args)).toThrow(sentence);
  });

  test('help names every flag', () => {
    const help = runHelp();
    for (const name of FLAGS.keys()) expect(help).toContain(`--${name} `);
    for (const line of help.split('\n')) expect(line.length).toBeLessThan(180);
  });
});
