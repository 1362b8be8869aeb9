import type { AllocatedPod, Container, PodSpec, ResourceRequirements } from '../../types/k8s.ts';
import { containerResources } from './containerResources.ts';
import type { SpecNode } from './context.ts';
import { NODE, SANDBOX_CONTEXT, testContainer, testPod } from './fixtures.ts';
import { oomScoreAdj } from './oomScore.ts';
import { overheadResources, sandboxResources } from './sandboxResources.ts';

const inputs = { node: NODE, exclusiveCPUs: false, cpusetCpus: '', cpusetMems: '' };
const resources = (own: ResourceRequirements, spec: Partial<PodSpec> = {}, node: Partial<SpecNode> = {}) => {
  const container = testContainer({ resources: own });
  const pod = testPod({ containers: [container], ...spec });
  return containerResources(pod, container, { ...inputs, node: { ...NODE, ...node } });
};

describe('containerResources', () => {
  test.each<[string, ResourceRequirements, Partial<PodSpec>, object]>([
    ['nothing', {}, {}, { cpuShares: 2, cpuQuota: 0, cpuPeriod: 100_000, memoryLimitInBytes: 0, oomScoreAdj: 1000 }],
    [
      'requests and limits',
      { requests: { cpu: '1', memory: '128M' }, limits: { cpu: '2', memory: '256M' } },
      {},
      { cpuShares: 1024, cpuQuota: 200_000, cpuPeriod: 100_000, memoryLimitInBytes: 256_000_000, oomScoreAdj: 988 },
    ],
    ['limits stand for requests', { limits: { cpu: '2' } }, {}, { cpuShares: 2048, cpuQuota: 200_000 }],
    [
      'a request of zero does not',
      { requests: { cpu: '0' }, limits: { cpu: '2' } },
      {},
      { cpuShares: 2, cpuQuota: 200_000 },
    ],
    ['a tiny limit', { limits: { cpu: '1m' } }, {}, { cpuShares: 2, cpuQuota: 1000 }],
    [
      'the Pod’s limits',
      {},
      { resources: { limits: { cpu: '2', memory: '1Gi' } } },
      { cpuShares: 2048, cpuQuota: 200_000, memoryLimitInBytes: 1073741824 },
    ],
    [
      'huge pages, its own over the Pod’s',
      { limits: { 'hugepages-2Mi': '4Mi' } },
      { resources: { limits: { cpu: '1', 'hugepages-2Mi': '2Mi', 'hugepages-1Gi': '2Gi' } } },
      {
        hugepageLimits: [
          { pageSize: '2MB', limit: 4194304 },
          { pageSize: '1GB', limit: 2147483648 },
        ],
      },
    ],
    [
      'unknown and impossible page sizes',
      { limits: { 'hugepages-3Mi': '6Mi', 'hugepages-1500': '9', 'hugepages-x': '1' } },
      {},
      {
        hugepageLimits: [
          { pageSize: '2MB', limit: 0 },
          { pageSize: '1GB', limit: 0 },
        ],
      },
    ],
  ])('%s', (_name, own, spec, wanted) => expect(resources(own, spec)).toMatchObject(wanted));

  test('CPU sets and CPUs of one’s own', () => {
    const container = testContainer({ resources: { requests: { cpu: '2' }, limits: { cpu: '2' } } });
    const pinned = { ...inputs, exclusiveCPUs: true, cpusetCpus: '2-3', cpusetMems: '0' };
    expect(containerResources(testPod({ containers: [container] }), container, pinned)).toMatchObject({
      cpuQuota: -1,
      cpuShares: 2048,
      cpusetCpus: '2-3',
      cpusetMems: '0',
    });
  });

  test.each<[Partial<SpecNode>, object | undefined]>([
    [{}, { 'memory.oom.group': '1' }],
    [{ singleProcessOOMKill: true }, undefined],
    [{ cgroupVersion: 1 }, undefined],
    [{ swapControllerAvailable: true }, { 'memory.oom.group': '1', 'memory.swap.max': '0' }],
  ])('cgroup v2 settings with %j', (node, wanted) => expect(resources({}, {}, node).unified).toEqual(wanted));

  test('no quota when the node enforces none', () => {
    const { cpuQuota, cpuPeriod, cpuShares } = resources({ limits: { cpu: '2' } }, {}, { cpuCFSQuota: false });
    expect([cpuQuota, cpuPeriod, cpuShares]).toEqual([undefined, undefined, 2048]);
  });
});

describe('swap', () => {
  const limited: Partial<SpecNode> = { swapControllerAvailable: true, swapBehavior: 'LimitedSwap' };
  test.each<[string, ResourceRequirements, Partial<PodSpec>, Partial<SpecNode>, string | undefined]>([
    ['in proportion to the request', { requests: { memory: '1G' } }, {}, limited, '500000000'],
    ['none with NoSwap', { requests: { memory: '1G' } }, {}, { ...limited, swapBehavior: 'NoSwap' }, '0'],
    ['none for BestEffort', {}, {}, limited, '0'],
    [
      'none if request equals limit',
      { requests: { cpu: '1', memory: '1G' }, limits: { memory: '1G' } },
      {},
      limited,
      '0',
    ],
    ['none without a memory request', { requests: { cpu: '1' } }, {}, limited, '0'],
    ['none for a critical Pod', { requests: { memory: '1G' } }, { priority: 2_000_000_000 }, limited, '0'],
    ['none for a request over the machine', { requests: { memory: '11G' } }, {}, limited, '0'],
    [
      'not set without the controller',
      { requests: { memory: '1G' } },
      {},
      { ...limited, swapControllerAvailable: false },
      undefined,
    ],
  ])('%s', (_name, own, spec, node, wanted) =>
    expect(resources(own, spec, node).unified?.['memory.swap.max']).toBe(wanted),
  );

  test('cgroup v1 holds memory and swap to the memory limit', () => {
    const node = { ...limited, cgroupVersion: 1 as const };
    expect(resources({ limits: { memory: '1G' } }, {}, node)).toMatchObject({ memorySwapLimitInBytes: 1_000_000_000 });
  });
});

describe('MemoryQoS', () => {
  const memoryQoS = { throttlingFactor: 0.9, tieredReservation: false, allocatableMemory: 8_000_000, pageSize: 4096 };
  const tiered = { memoryQoS: { ...memoryQoS, tieredReservation: true } };
  const none = { 'memory.min': '0', 'memory.low': '0' };
  const memory = (request: string, limit?: string, cpu?: string): ResourceRequirements => ({
    requests: { memory: request, ...(cpu && { cpu }) },
    ...(limit && { limits: { memory: limit, ...(cpu && { cpu }) } }),
  });
  test.each<[string, ResourceRequirements, Partial<SpecNode>, Record<string, string> | undefined]>([
    ['off', memory('1M', '2M'), {}, undefined],
    ['cgroup v1', memory('1M', '2M'), { memoryQoS, cgroupVersion: 1 }, undefined],
    ['up to the limit', memory('1M', '2M'), { memoryQoS }, { ...none, 'memory.high': '1896448' }],
    ['up to the node', memory('1M'), { memoryQoS }, { ...none, 'memory.high': '7299072' }],
    ['the node unknown', memory('1M'), { memoryQoS: { ...memoryQoS, allocatableMemory: 0 } }, none],
    ['limit equal to request', memory('1M', '1M'), { memoryQoS }, none],
    ['too close for a page', memory('1M', '1000100'), { memoryQoS }, none],
    ['Burstable is kept softly', memory('1M', '1M'), tiered, { 'memory.low': '1000000' }],
    ['Guaranteed is kept', memory('1M', '1M', '1'), tiered, { 'memory.min': '1000000' }],
    ['no request and no limit', {}, tiered, none],
  ])('%s', (_name, own, node, wanted) => {
    expect(resources(own, {}, { singleProcessOOMKill: true, ...node }).unified).toEqual(wanted);
  });
});

describe('oomScoreAdj', () => {
  const memory = (request: string, more: Partial<Container> = {}) =>
    testContainer({ resources: { requests: { memory: request } }, ...more });
  const sidecar = (request: string) => memory(request, { name: 's', restartPolicy: 'Always' });
  const score = (pod: AllocatedPod, container: Container) => oomScoreAdj(pod, container, 10_000_000_000);
  const alone = (container: Container, spec: Partial<PodSpec> = {}) =>
    score(testPod({ containers: [container], ...spec }), container);

  test.each([
    ['1G', 900],
    ['5G', 500],
    ['9999M', 3],
    ['20G', 3],
    ['1M', 999],
    ['100M', 990],
  ])('a request of %s of 10G', (request, wanted) => expect(alone(memory(request))).toBe(wanted));

  test('the classes', () => {
    const equal = { cpu: '1', memory: '1G' };
    expect(alone(testContainer())).toBe(1000);
    expect(alone(testContainer({ resources: { requests: equal, limits: equal } }))).toBe(-997);
    const critical = { priority: 2_000_001_000, priorityClassName: 'system-node-critical' };
    expect(alone(testContainer(), critical)).toBe(-997);
    expect(alone(testContainer(), { ...critical, priority: 1 })).toBe(1000);
  });

  test('a sidecar is not worse off than the smallest regular container', () => {
    const pod = testPod({ containers: [memory('2G'), memory('4G')], initContainers: [sidecar('1G'), sidecar('3G')] });
    expect(pod.spec?.initContainers?.map((c) => score(pod, c))).toEqual([800, 700]);
    const init = testPod({ containers: [memory('2G')], initContainers: [memory('1G', { name: 'i' })] });
    expect(score(init, init.spec!.initContainers![0]!)).toBe(900);
  });

  test('what the Pod asks for and no container does is shared', () => {
    const containers = [memory('1G'), testContainer({ name: 'd' })];
    const pod = testPod({ containers, resources: { requests: { memory: '5G' } } });
    expect(containers.map((c) => score(pod, c))).toEqual([700, 800]);
  });
});

describe('the sandbox', () => {
  const containers = [testContainer({ resources: { requests: { cpu: '1' }, limits: { cpu: '2', memory: '1Gi' } } })];
  const pod = testPod({ containers: [...containers, ...containers], overhead: { cpu: '250m', memory: '10Mi' } });

  test('sums without overhead', () => {
    expect(sandboxResources(pod, SANDBOX_CONTEXT)).toEqual({
      cpuShares: 2048,
      cpuQuota: 400_000,
      cpuPeriod: 100_000,
      memoryLimitInBytes: 2147483648,
      unified: { 'memory.oom.group': '1' },
    });
    expect(sandboxResources(pod, { ...SANDBOX_CONTEXT, exclusiveCPUs: true }).cpuQuota).toBe(-1);
  });
  test('overhead', () => {
    expect(overheadResources(pod, NODE)).toMatchObject({
      cpuShares: 256,
      cpuQuota: 25_000,
      memoryLimitInBytes: 10485760,
    });
    expect(overheadResources(testPod(), NODE)).toEqual({});
  });
});
