import { computePodQOS } from '../../k8s/qos.ts';
import type { Container, ResourceRequirements } from '../../types/k8s.ts';
import { podLevelResources, podTotal } from './podResources.ts';
import { actualResources, resourcesInForce } from './resources.ts';
import { inputOf, oc, podOf, spec } from './testing.ts';

describe('resources', () => {
  const lists = (limits?: object, requests?: object) =>
    ({ ...(limits && { limits }), ...(requests && { requests }) }) as ResourceRequirements;
  const both = { cpu: '1', memory: '1Gi' };
  const rows: [string, ResourceRequirements, object, ResourceRequirements | undefined, ResourceRequirements][] = [
    [
      'all known',
      lists(both, both),
      { cpuRequest: '1', cpuLimit: '1', memoryLimit: '1Gi' },
      undefined,
      lists(both, both),
    ],
    [
      'a resize under way',
      lists({ cpu: '2', memory: '2Gi' }, both),
      { cpuLimit: '1', memoryLimit: '1Gi' },
      undefined,
      lists(both, both),
    ],
    ['nothing allocated', {}, { cpuRequest: '2m' }, undefined, {}],
    [
      'no CPU allocated, least shares',
      lists(undefined, { memory: '100M' }),
      { cpuRequest: '2m' },
      undefined,
      lists(undefined, { memory: '100M' }),
    ],
    [
      "below the kernel's least",
      lists({ cpu: '5m' }, { cpu: '1m' }),
      { cpuRequest: '2m', cpuLimit: '10m' },
      undefined,
      lists({ cpu: '5m' }, { cpu: '1m' }),
    ],
    [
      'unknown keeps the reported',
      lists({ cpu: '2' }, { cpu: '2' }),
      {},
      lists({ cpu: '1' }, { cpu: '1' }),
      lists({ cpu: '1' }, { cpu: '1' }),
    ],
    [
      'other resources as allocated',
      lists({ cpu: '1', 'x.io/y': '1' }),
      { cpuLimit: '500m' },
      undefined,
      lists({ cpu: '500m', 'x.io/y': '1' }),
    ],
    ['claims stay', { claims: [{ name: 'c' }] }, {}, undefined, { claims: [{ name: 'c' }] }],
  ];
  test.each(rows)('%s', (_name, allocated, actual, known, expected) => {
    expect(resourcesInForce(allocated, actual, known)).toEqual(expected);
  });
  test.each([
    [
      { cpuShares: 102, cpuQuota: 50000, cpuPeriod: 100000, memoryLimitBytes: 134217728 },
      { cpuRequest: '100m', cpuLimit: '500m', memoryLimit: '128Mi' },
    ],
    [{ cpuShares: 2, cpuQuota: -1, cpuPeriod: 100000, memoryLimitBytes: 0 }, { cpuRequest: '2m' }],
    [
      { cpuShares: 1024, memoryLimitBytes: 128_000_000 },
      { cpuRequest: '1', memoryLimit: '125000Ki' },
    ],
    [{}, {}],
  ])('from the runtime: %j', (resources, expected) => {
    expect(actualResources(oc('a', 'running', { resources }), undefined)).toEqual(expected);
  });
  test('from what the kubelet applied, where the runtime is silent', () => {
    const applied = lists(both, both);
    expect(actualResources(oc('a', 'running'), applied)).toEqual({
      cpuRequest: '1',
      cpuLimit: '1',
      memoryRequest: '1Gi',
      memoryLimit: '1Gi',
    });
    expect(actualResources(oc('a', 'running', { resources: {} }), applied)).toEqual({ memoryRequest: '1Gi' });
  });

  const asking = (name: string, cpu: string, more: object = {}) => ({
    name,
    resources: { requests: { cpu }, limits: { cpu } },
    ...more,
  });
  const side = { restartPolicy: 'Always' };
  test.each([
    ['sum', { containers: [asking('a', '100m'), asking('b', '0.2')] }, '300m'],
    ['a larger init container', { containers: [asking('a', '100m')], initContainers: [asking('i', '1')] }, '1'],
    ['a smaller init container', { containers: [asking('a', '100m')], initContainers: [asking('i', '50m')] }, '100m'],
    ['sidecars add', { containers: [asking('a', '100m')], initContainers: [asking('s', '50m', side)] }, '150m'],
    [
      'sidecars run beside later init containers',
      { containers: [asking('a', '1m')], initContainers: [asking('s', '50m', side), asking('i', '1')] },
      '1050m',
    ],
    [
      'but not beside earlier ones',
      { containers: [asking('a', '1m')], initContainers: [asking('i', '1'), asking('s', '50m', side)] },
      '1',
    ],
    ['the Pod level wins', { containers: [asking('a', '100m')], resources: { requests: { cpu: '3' } } }, '3'],
    ['overhead', { containers: [asking('a', '100m')], overhead: { cpu: '10m' } }, '110m'],
  ])('total: %s', (_name, podSpec, expected) => expect(podTotal(podSpec, 'requests').cpu).toBe(expected));

  test("Pod-level status: sums, then the cgroup's values", () => {
    const podSpec = { containers: [asking('a', '100m')], overhead: { memory: '10Mi' } };
    const input = (more: object) => inputOf(podOf(podSpec), more);
    expect(podLevelResources(input({}), podSpec, 'Pending')).toEqual({
      allocatedResources: { cpu: '100m', memory: '10Mi' },
      resources: { requests: { cpu: '100m', memory: '10Mi' }, limits: { cpu: '100m' } },
    });
    const podCgroup = { cpuRequest: '200m', memoryLimit: '1Gi' };
    expect(podLevelResources(input({ podCgroup }), podSpec, 'Running').resources).toEqual({
      requests: { cpu: '200m', memory: '10Mi' },
      limits: { memory: '1Gi' },
    });
    const previous = { phase: 'Running', resources: { limits: { cpu: '7' } } };
    expect(podLevelResources(input({ previous }), podSpec, 'Running').resources).toEqual(previous.resources);
    expect(podLevelResources(inputOf(podOf(spec('Always', 'a'))), spec('Always', 'a'), 'Pending')).toEqual({
      resources: {},
    });
  });

  test('of a Pod that runs only cpu and memory are shown, and what it asks for as a whole', () => {
    const requests = { cpu: '1', memory: '1Gi', 'ephemeral-storage': '1Gi', 'hugepages-2Mi': '2Mi' };
    const podSpec = {
      containers: [{ name: 'a', resources: { requests, limits: requests } }],
      resources: { limits: { 'hugepages-2Mi': '2Mi' } },
    };
    expect(podLevelResources(inputOf(podOf(podSpec)), podSpec, 'Running').resources).toEqual({
      requests: { cpu: '1', memory: '1Gi' },
      limits: { cpu: '1', memory: '1Gi', 'hugepages-2Mi': '2Mi' },
    });
  });
});

describe('computePodQOS', () => {
  const both = (cpu: string, memory: string) => ({ cpu, memory });
  const part = (requests?: object, limits?: object) => ({ name: 'c', resources: { requests, limits } }) as Container;
  test.each([
    ['nothing', { containers: [part()] }, 'BestEffort'],
    ['zeros', { containers: [part(both('0', '0'))] }, 'BestEffort'],
    ['other resources only', { containers: [part({ 'x.io/y': '1' }, { 'x.io/y': '1' })] }, 'BestEffort'],
    ['all equal', { containers: [part(both('100m', '1Gi'), both('0.1', '1024Mi'))] }, 'Guaranteed'],
    ['a request is lower', { containers: [part(both('100m', '1Gi'), both('200m', '1Gi'))] }, 'Burstable'],
    ['one limit missing', { containers: [part(both('1', '1Gi'), { cpu: '1' })] }, 'Burstable'],
    ['one container without', { containers: [part(both('1', '1Gi'), both('1', '1Gi')), part()] }, 'Burstable'],
    [
      'an init container without',
      { containers: [part(both('1', '1Gi'), both('1', '1Gi'))], initContainers: [part()] },
      'Burstable',
    ],
    ['requests only', { containers: [part(both('1', '1Gi'))] }, 'Burstable'],
    [
      'Pod level equal',
      { containers: [part()], resources: { requests: both('1', '1Gi'), limits: both('1', '1Gi') } },
      'Guaranteed',
    ],
    [
      'Pod level over containers',
      { containers: [part(both('1', '1Gi'), both('1', '1Gi'))], resources: { requests: { cpu: '1' } } },
      'Burstable',
    ],
    [
      'Pod level incomplete',
      { containers: [part()], resources: { requests: { cpu: '1' }, limits: { cpu: '1' } } },
      'Burstable',
    ],
  ])('%s', (_name, podSpec, expected) => expect(computePodQOS(podOf(podSpec as never))).toBe(expected));
});
