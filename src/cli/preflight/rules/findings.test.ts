import { findings, findingsText } from './findings.ts';
import { listeningPorts } from './listeningPorts.ts';
import type { MachineReport } from './machineReport.ts';

const runtime = {
  endpoint: 'unix:///run/containerd/containerd.sock',
  name: 'containerd',
  version: 'v2.3.7',
  notReady: [],
  cgroupDriver: 'systemd',
  configuredDriver: 'cgroupfs',
} as const;

const good: MachineReport = {
  uid: 0,
  nodeName: 'node-1.example',
  rootDir: '/var/lib/kubelet',
  cgroups: { version: 2, controllers: ['cpu', 'memory', 'pids', 'cpuset', 'hugetlb'] },
  failCgroupV1: true,
  swaps: [],
  failSwapOn: true,
  kernelSettings: [],
  protectKernelDefaults: false,
  ipForward: '1',
  ports: [{ use: 'the server', port: 10250, taken: false }],
  runtime,
  resolver: { file: '/etc/resolv.conf', onlyLoopback: false },
  freeDisk: 0.5,
  api: { state: 'reached', server: 'https://10.0.0.1:6443', with: 'kubeconfig' },
};

test('a machine that can be a node has nothing but ok', () => {
  const all = findings(good);
  expect(all.filter(({ level }) => level !== 'ok')).toEqual([]);
  expect(findingsText(all)).toMatch(/\nThis machine can be a node: 0 errors, 0 warnings\.\n$/);
});

const v1 = { version: 1, controllers: ['cpu', 'memory', 'pids', 'cpuset', 'hugetlb'] } as const;
test.each<[string, Partial<MachineReport>, string, RegExp, RegExp]>([
  ['another user', { uid: 1000 }, 'error', /user 1000/, /as root/],
  ['a host name that is no Node name', { nodeName: 'My_Host' }, 'error', /"My_Host"/, /--hostname-override/],
  ['no cgroups', { cgroups: 'no cgroup file system' }, 'error', /no cgroup file system/, /mount cgroup2/],
  [
    'a missing controller',
    { cgroups: { version: 2, controllers: ['cpu', 'pids'] } },
    'error',
    /memory/,
    /cgroup_enable=memory/,
  ],
  ['cgroup v1', { cgroups: v1 }, 'error', /version 1/, /failCgroupV1/],
  ['cgroup v1, allowed', { cgroups: v1, failCgroupV1: false }, 'warning', /version 1/, /version 2/],
  [
    'poorer cgroups',
    { cgroups: { version: 2, controllers: ['cpu', 'memory', 'pids'] } },
    'warning',
    /cpuset, hugetlb/,
    /refused/,
  ],
  ['swap', { swaps: ['/dev/sda2'] }, 'error', /\/dev\/sda2/, /swapoff/],
  [
    'kernel settings',
    { kernelSettings: ['a is 0 and must be 1'], protectKernelDefaults: true },
    'error',
    /a is 0/,
    /sysctl/,
  ],
  ['no forwarding', { ipForward: '0' }, 'warning', /ip_forward is 0/, /sysctl -w/],
  ['a taken port', { ports: [{ use: 'x', port: 10250, taken: true }] }, 'error', /already/, /other kubelet/],
  ['no runtime', { runtime: 'connect ENOENT /x.sock' }, 'error', /ENOENT/, /containerRuntimeEndpoint/],
  [
    'no network',
    { runtime: { ...runtime, notReady: [{ type: 'NetworkReady', message: 'cni' }] } },
    'error',
    /cni/,
    /CNI/,
  ],
  [
    'a sick runtime',
    { runtime: { ...runtime, notReady: [{ type: 'RuntimeReady', message: 'x' }] } },
    'error',
    /RuntimeReady/,
    /log/,
  ],
  [
    'a runtime that warns',
    { runtime: { ...runtime, notReady: [{ type: 'ContainerdHasNoDeprecationWarnings', message: 'cgroup v1' }] } },
    'warning',
    /cgroup v1/,
    /Ready/,
  ],
  ['a silent runtime', { runtime: { ...runtime, cgroupDriver: undefined } }, 'warning', /does not say/, /the same/],
  ['a loopback resolver', { resolver: { file: '/r', onlyLoopback: true } }, 'warning', /\/r/, /resolvConf/],
  ['a full disk', { freeDisk: 0.111 }, 'warning', /11 % free/, /DiskPressure/],
  ['no API server', { api: { state: 'problem', sentence: 'refused' } }, 'error', /refused/, /--kubeconfig/],
])('%s is found, with what to do', (_, change, level, sentence, todo) => {
  const all = findings({ ...good, ...change });
  const found = all.filter((each) => each.level !== 'ok');
  expect(found).toEqual([
    { check: expect.any(String), level, sentence: expect.stringMatching(sentence), todo: expect.stringMatching(todo) },
  ]);
  expect(findingsText(all)).toMatch(
    level === 'error' ? /cannot be a node yet: 1 error, 0/ : /can be a node: 0 errors, 1 warning\./,
  );
});

test.each<[string, Partial<MachineReport>]>([
  ['swap that failSwapOn: false allows', { swaps: ['/dev/sda2'], failSwapOn: false }],
  ['kernel settings that the kubelet will make', { kernelSettings: ['a is 0 and must be 1'] }],
  ['no IPv4', { ipForward: undefined }],
  ['no resolver', { resolver: undefined }],
  ['a disk that cannot be asked', { freeDisk: undefined }],
  ['standalone', { api: { state: 'standalone' } }],
])('%s is no problem', (_, change) => {
  expect(findings({ ...good, ...change }).filter(({ level }) => level !== 'ok')).toEqual([]);
});

test('ports that are listened on, in the kernel’s table', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:280A 00000000:0000 0A 00000000:00000000 00:00000000
   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000
   2: 00000000000000000000000000000000:280B 00000000000000000000000000000000:0000 0A 0
`;
  expect(listeningPorts(table)).toEqual([10250, 10251]);
  expect(listeningPorts('')).toEqual([]);
});
