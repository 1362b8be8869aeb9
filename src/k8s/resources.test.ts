import type { Container, Pod, PodSpec } from '../types/k8s.ts';
import { cpuQuota, cpuShares } from './cpuShares.ts';
import { limitDeclared, podLimits, podRequests } from './podResources.ts';
import { computePodQOS, podQOS } from './qos.ts';
import { amountOf, milliValue, type ResourceAmounts, wholeValue } from './resourceAmounts.ts';
import { resourceFieldValue, withDefaultLimits, withNodeLimits } from './resourceField.ts';

type List = Record<string, string>;
const container = (requests?: List, limits?: List, more: Partial<Container> = {}): Container => ({
  name: 'c',
  ...more,
  resources: { ...(requests && { requests }), ...(limits && { limits }) },
});
const sidecar = (requests?: List, limits?: List) => container(requests, limits, { restartPolicy: 'Always' });
const pod = (containers: Container[], more: Partial<PodSpec> = {}): Pod => ({ spec: { containers, ...more } });
const both = (cpu: string, memory: string) => container({ cpu, memory }, { cpu, memory });

describe('amounts', () => {
  test.each([
    ['0', 0, 0],
    ['1', 1000, 1],
    ['100m', 100, 1],
    ['1500m', 1500, 2],
    ['0.5', 500, 1],
    ['.5', 500, 1],
    ['5.', 5000, 5],
    ['1u', 1, 1],
    ['1n', 1, 1],
    ['0.1n', 1, 1],
    ['1k', 1_000_000, 1000],
    ['1Ki', 1_024_000, 1024],
    ['1.5Gi', 1_610_612_736_000, 1_610_612_736],
    ['1e3', 1_000_000, 1000],
    ['1E3', 1_000_000, 1000],
    ['1E', 10 ** 21, 10 ** 18],
    ['12e-1', 1200, 2],
    ['128974848', 128_974_848_000, 128_974_848],
    ['129M', 129_000_000_000, 129_000_000],
    ['+2', 2000, 2],
  ])('%s', (text, milli, whole) => {
    const nano = amountOf({ x: text }, 'x');
    expect([milliValue(nano), wholeValue(nano)]).toEqual([milli, whole]);
  });

  test.each(['', 'x', '1 Gi', '1KiB', 'Ki', '.', '1e', '--1', '1e9999999999'])('%j counts as absent', (text) => {
    expect(amountOf({ x: text }, 'x')).toBe(0n);
  });
});

describe('computePodQOS', () => {
  const podLevel = (resources: PodSpec['resources'], ...containers: Container[]) => pod(containers, { resources });
  test.each<[string, Pod, string]>([
    ['all equal', pod([both('100m', '100Mi')]), 'Guaranteed'],
    [
      'equal, written differently',
      pod([container({ cpu: '0.1', memory: '1Ki' }, { cpu: '100m', memory: '1024' })]),
      'Guaranteed',
    ],
    ['two equal', pod([both('100m', '100Mi'), both('1', '1Gi')]), 'Guaranteed'],
    ['limits only, requests not defaulted', pod([container(undefined, { cpu: '1', memory: '1' })]), 'Burstable'],
    ['nothing', pod([container()]), 'BestEffort'],
    ['zeros', pod([both('0', '0')]), 'BestEffort'],
    ['other resources only', pod([container({ 'example.com/gpu': '1' }, { 'example.com/gpu': '1' })]), 'BestEffort'],
    ['one of two has nothing', pod([both('100m', '100Mi'), container()]), 'Burstable'],
    ['memory only', pod([container({ memory: '1' }, { memory: '1' })]), 'Burstable'],
    ['request below limit', pod([container({ cpu: '1', memory: '1' }, { cpu: '2', memory: '1' })]), 'Burstable'],
    ['init container without limits', pod([both('1', '1')], { initContainers: [container()] }), 'Burstable'],
    ['init container equal too', pod([both('1', '1')], { initContainers: [both('2', '2')] }), 'Guaranteed'],
    [
      'sums equal though containers are not',
      pod([
        container({ cpu: '1', memory: '1' }, { cpu: '2', memory: '1' }),
        container({ cpu: '2', memory: '1' }, { cpu: '1', memory: '1' }),
      ]),
      'Guaranteed',
    ],
    [
      'ephemeral containers do not count',
      { spec: { containers: [both('1', '1')], ephemeralContainers: [{ name: 'e' }] } },
      'Guaranteed',
    ],
    [
      'Pod level equal',
      podLevel({ requests: { cpu: '1', memory: '1' }, limits: { cpu: '1', memory: '1' } }, container()),
      'Guaranteed',
    ],
    ['Pod level requests only', podLevel({ requests: { cpu: '1', memory: '1' } }, both('1', '1')), 'Burstable'],
    ['Pod level CPU only', podLevel({ requests: { cpu: '1' }, limits: { cpu: '1' } }, both('1', '1')), 'Burstable'],
    ['empty Pod level hides the containers', podLevel({}, both('1', '1')), 'BestEffort'],
  ])('%s', (_name, p, wanted) => expect(computePodQOS(p)).toBe(wanted));

  test('the class in the status stays', () => {
    expect(podQOS({ ...pod([both('1', '1')]), status: { qosClass: 'Burstable' } })).toBe('Burstable');
    expect(podQOS({ ...pod([both('1', '1')]), status: {} })).toBe('Guaranteed');
  });
});

describe('podRequests and podLimits', () => {
  const cpu = (amounts: ResourceAmounts) => milliValue(amounts.get('cpu') ?? 0n);
  const req = (value: string) => container({ cpu: value }, { cpu: value });
  const side = (value: string) => sidecar({ cpu: value }, { cpu: value });
  test.each<[string, Pod, number]>([
    ['sum', pod([req('1'), req('2')]), 3000],
    ['a large init container', pod([req('1')], { initContainers: [req('5'), req('2')] }), 5000],
    ['a small init container', pod([req('4')], { initContainers: [req('3')] }), 4000],
    ['sidecars are added', pod([req('1')], { initContainers: [side('1'), side('2')] }), 4000],
    ['init after sidecar has both', pod([req('1')], { initContainers: [side('2'), req('5')] }), 7000],
    ['init before sidecar has only itself', pod([req('1')], { initContainers: [req('5'), side('2')] }), 5000],
    ['sidecar, init, sidecar', pod([req('1')], { initContainers: [side('1'), req('5'), side('10')] }), 12000],
    ['overhead', pod([req('1')], { overhead: { cpu: '250m' } }), 1250],
    ['Pod level replaces', pod([req('1')], { resources: { requests: { cpu: '7' }, limits: { cpu: '7' } } }), 7000],
    [
      'Pod level plus overhead',
      pod([req('1')], { resources: { requests: { cpu: '7' }, limits: { cpu: '7' } }, overhead: { cpu: '1' } }),
      8000,
    ],
  ])('%s', (_name, p, wanted) => {
    expect(cpu(podRequests(p))).toBe(wanted);
    expect(cpu(podLimits(p))).toBe(wanted);
  });

  test('overhead raises requests that are not there, but no limits that are not there', () => {
    const p = pod([container()], { overhead: { cpu: '1', memory: '1Mi' } });
    expect(podRequests(p)).toEqual(
      new Map([
        ['cpu', 10n ** 9n],
        ['memory', 1024n ** 2n * 10n ** 9n],
      ]),
    );
    expect(podLimits(p)).toEqual(new Map());
    expect(podRequests(p, { excludeOverhead: true })).toEqual(new Map());
  });

  test('the Pod level counts for cpu, memory and huge pages', () => {
    const resources = { requests: { cpu: '9', 'hugepages-2Mi': '4Mi', 'example.com/x': '9' } };
    const p = pod([container({ cpu: '1', 'example.com/x': '1' })], { resources });
    const unit = 10n ** 9n;
    expect(podRequests(p)).toEqual(
      new Map([
        ['cpu', 9n * unit],
        ['example.com/x', unit],
        ['hugepages-2Mi', 4n * 1024n ** 2n * unit],
      ]),
    );
    expect(podRequests(p, { skipPodLevel: true }).get('cpu')).toBe(unit);
  });

  test.each<[string, Pod, boolean]>([
    ['every container', pod([req('1'), req('1')]), true],
    ['not every container', pod([req('1'), container()]), false],
    ['an init container without', pod([req('1')], { initContainers: [container()] }), false],
    ['an init container beside a limited sidecar', pod([req('1')], { initContainers: [side('1'), container()] }), true],
    ['a sidecar without', pod([req('1')], { initContainers: [sidecar()] }), false],
    ['the Pod', pod([container()], { resources: { limits: { cpu: '1' } } }), true],
  ])('limitDeclared: %s', (_name, p, wanted) => expect(limitDeclared(p, 'cpu')).toBe(wanted));
});

test.each([
  [0, 2, 0],
  [1, 2, 1000],
  [2, 2, 1000],
  [10, 10, 1000],
  [100, 102, 10_000],
  [250, 256, 25_000],
  [1000, 1024, 100_000],
  [1500, 1536, 150_000],
  [256_000, 262_144, 25_600_000],
  [300_000, 262_144, 30_000_000],
])('%i thousandths of a core are %i shares and a quota of %i', (milli, shares, quota) => {
  expect([cpuShares(milli), cpuQuota(milli, 100_000)]).toEqual([shares, quota]);
});
test('the quota follows the period', () => expect(cpuQuota(500, 10_000)).toBe(5000));

describe('resourceFieldValue', () => {
  const resources = {
    requests: { cpu: '250m', memory: '64M', 'ephemeral-storage': '1Gi', 'hugepages-2Mi': '100Mi' },
    limits: { cpu: '1500m', memory: '64Mi' },
  };
  test.each([
    ['limits.cpu', undefined, '2'],
    ['limits.cpu', '0', '2'],
    ['limits.cpu', '1m', '1500'],
    ['requests.cpu', '1', '1'],
    ['requests.cpu', '100m', '3'],
    ['limits.memory', undefined, '67108864'],
    ['limits.memory', '1Mi', '64'],
    ['requests.memory', '1Mi', '62'],
    ['requests.memory', '1M', '64'],
    ['requests.ephemeral-storage', '1Gi', '1'],
    ['limits.ephemeral-storage', '1Gi', '0'],
    ['requests.hugepages-2Mi', '1Mi', '100'],
    ['limits.hugepages-2Mi', '1Mi', '0'],
  ])('%s in %s', (resource, divisor, wanted) => {
    expect(resourceFieldValue({ resource, ...(divisor && { divisor }) }, resources)).toBe(wanted);
  });

  test.each(['limits.gpu', 'cpu', 'x.cpu', 'limits', '', 'requests.storage'])('%j is not offered', (resource) => {
    expect(() => resourceFieldValue({ resource }, resources)).toThrow(`unsupported container resource : ${resource}`);
  });

  test('a container without limits is bound by the node, or by the Pod', () => {
    const allocatable = { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi', pods: '110', 'hugepages-2Mi': '1Gi' };
    const own = { limits: { cpu: '0', memory: '1Gi' }, requests: { cpu: '1' } };
    const wanted = { cpu: '4', memory: '1Gi', 'ephemeral-storage': '10Gi' };
    expect(withNodeLimits(own, allocatable)).toEqual({ ...own, limits: wanted });
    const p = pod([], { resources: { limits: { cpu: '2', memory: '0' } } });
    expect(withDefaultLimits(p, own, allocatable).limits).toEqual({ ...wanted, cpu: '2' });
    expect(withDefaultLimits(p, undefined, { memory: '8Gi' }).limits).toEqual({ memory: '8Gi' });
  });
});
