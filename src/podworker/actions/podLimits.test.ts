import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import { KubeletError } from '../../lib/errors.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import { podLimits } from './podLimits.ts';

const pod = allocatedAsAsked({ metadata: { uid: 'u' } });
const wanted: ResourceConfig = { cpuShares: 512, cpuQuota: 50_000, cpuPeriod: 100_000, memory: 2 ** 20 };
const there = { cpuShares: 102, cpuQuota: -1, cpuPeriod: 100_000 };

function setUp({ found = there as typeof there | null, refusal = '' } = {}) {
  let ensured = 0;
  const limits = podLimits({
    podCgroup: () => ({ uid: 'u', name: ['kubepods', 'podu'], path: '', cgroupParent: '' }),
    ensurePod: async () => {
      ensured += 1;
      if (refusal !== '') throw new KubeletError('no', { code: refusal });
      return { uid: 'u', name: ['kubepods', 'podu'], path: '', cgroupParent: '' };
    },
    podConfig: () => wanted,
    readLimits: async () => {
      if (!found) throw new KubeletError('no such directory', { code: 'ENOENT' });
      return found;
    },
    apply: async () => {},
    memoryUsage: async () => 0,
  });
  return { limits, ensured: () => ensured };
}

test('a cgroup is made with what is allocated', async () => {
  const { limits } = setUp({ found: null });
  expect(await limits.ensure(pod, false)).toEqual({ limits: wanted, kept: false });
});

test('in the middle of a resize one that exists stays as it is; one that is gone is made', async () => {
  const kept = setUp();
  expect(await kept.limits.ensure(pod, true)).toEqual({ limits: there, kept: true });
  expect(kept.ensured()).toBe(0);
  expect(await setUp({ found: null }).limits.ensure(pod, true)).toEqual({ limits: wanted, kept: false });
});

test('one that uses more than it is to have stays as it is, and its resize goes on; other failures are told', async () => {
  expect(await setUp({ refusal: 'EBUSY' }).limits.ensure(pod, false)).toEqual({ limits: there, kept: true });
  await expect(setUp({ refusal: 'EACCES' }).limits.ensure(pod, false)).rejects.toThrow('no');
});
