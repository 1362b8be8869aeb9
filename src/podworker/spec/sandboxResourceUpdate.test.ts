import { NODE, testPod } from './fixtures.ts';
import { imageVolumeSpec } from './imageVolume.ts';
import { resolvConfLimitExceeded } from './resolvConfLimits.ts';
import { sandboxResourceUpdate } from './sandboxResourceUpdate.ts';

test.each([
  [
    'no overhead',
    undefined,
    { cpuShares: 1024, cpuQuota: 100_000, cpuPeriod: 100_000, memory: 1000 },
    { cpuShares: 1024, cpuQuota: 100_000, cpuPeriod: 100_000, memoryLimitInBytes: 1000 },
  ],
  [
    'overhead',
    { cpu: '500m', memory: '100' },
    { cpuShares: 1536, cpuQuota: 150_000, cpuPeriod: 100_000, memory: 1100 },
    { cpuShares: 1024, cpuQuota: 100_000, cpuPeriod: 100_000, memoryLimitInBytes: 1000 },
  ],
  [
    'without limits',
    { cpu: '500m', memory: '100' },
    { cpuShares: 512 },
    { cpuShares: 2, cpuQuota: 0, cpuPeriod: 0, memoryLimitInBytes: 0 },
  ],
  [
    'memory overhead only',
    { memory: '100' },
    { cpuShares: 1023, memory: 1100 },
    { cpuShares: 1023, cpuQuota: 0, cpuPeriod: 0, memoryLimitInBytes: 1000 },
  ],
])('sandboxResourceUpdate: %s', (_name, overhead, config, resources) => {
  const pod = testPod(overhead ? { overhead } : {});
  expect(sandboxResourceUpdate(pod, 'id', config, NODE)).toMatchObject({ podSandboxId: 'id', resources });
});

test('imageVolumeSpec', () => {
  expect(imageVolumeSpec(testPod({}, { annotations: { a: 'b' } }), 'repo/x:1', 'sha256:1', 'kata')).toEqual({
    image: 'sha256:1',
    userSpecifiedImage: 'repo/x:1',
    runtimeHandler: 'kata',
    annotations: { a: 'b' },
  });
});

const domains = (count: number, length = 5) =>
  Array.from({ length: count }, (_, i) => `${i}`.padStart(length, 'x')).join(' ');
test.each([
  ['fits', `search ${domains(29)}`, 'cluster.local', null],
  [
    'the cluster needs three',
    `search ${domains(30)}`,
    'cluster.local',
    "Resolv.conf file '/r' contains search line consisting of more than 29 domains!",
  ],
  ['no cluster domain', `search ${domains(32)}`, '', null],
  [
    'too many',
    `search ${domains(33)}`,
    '',
    "Resolv.conf file '/r' contains search line consisting of more than 32 domains!",
  ],
  [
    'a long one',
    `search ${'a'.repeat(254)}`,
    '',
    'Resolv.conf file "/r" contains a search path which length is more than allowed 253 chars!',
  ],
  [
    'too long together',
    `search ${domains(20, 110)}`,
    '',
    "Resolv.conf file '/r' contains search line which length is more than allowed 2048 chars!",
  ],
  ['broken', 'nameserver', '', 'nameserver list is empty '],
])('resolvConfLimitExceeded: %s', (_name, text, domain, wanted) => {
  expect(resolvConfLimitExceeded('/r', text, domain)).toBe(wanted);
});
