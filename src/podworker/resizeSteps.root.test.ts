// The steps of a resize on real cgroups, with a container's cgroup that has as much as its Pod: the kernel refuses a wrong order (v1).
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { detectHierarchies, type Hierarchies } from '../cgroups/hierarchies.ts';
import { createCgroupManager } from '../cgroups/manager.ts';
import { cpuQuota, cpuShares } from '../k8s/cpuShares.ts';
import { amountOf, milliValue, wholeValue } from '../k8s/resourceAmounts.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import type { ResourceRequirements } from '../types/k8s.ts';
import { podLimits } from './actions/podLimits.ts';
import { resizeSteps } from './rules/resizeSteps.ts';

const ROOT = `kubelet-ts-resize-${process.pid}`;
const isRoot = process.getuid?.() === 0;
const testAsRoot = isRoot ? test : test.skip;
if (!isRoot) console.warn('resizeSteps.root.test.ts is skipped: it needs root');

const both = (cpu: string, memory: string): ResourceRequirements => ({
  limits: { cpu, memory },
  requests: { cpu, memory },
});
const sizes = [
  both('100m', '32Mi'),
  both('400m', '64Mi'),
  both('200m', '96Mi'),
  both('300m', '16Mi'),
  both('50m', '8Mi'),
];
const podOf = (resources: ResourceRequirements) =>
  allocatedAsAsked({ metadata: { uid: 'u', name: 'p' }, spec: { containers: [{ name: 'c', image: 'i', resources }] } });

testAsRoot('each step of growing and shrinking is taken by the kernel, and in the end all is as wanted', async () => {
  const hierarchies = await detectHierarchies();
  const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: -1 };
  const manager = createCgroupManager({ hierarchies, driver: 'cgroupfs', cgroupRoot: `/${ROOT}`, settings });
  const signal = AbortSignal.timeout(20_000);
  for (const mount of new Set(hierarchies.controllers.values())) makeRoot(hierarchies, join(mount, ROOT));
  try {
    const node = { capacity: { cpu: '4', memory: '1Gi' }, reserved: [], enforcePods: true };
    await manager.setUpNode(node);
    const cgroups = podLimits(manager);
    await cgroups.ensure(podOf(sizes[0]!), false);
    const { path } = manager.podCgroup(podOf(sizes[0]!));
    const child = (controller: 'cpu' | 'memory') => join(hierarchies.controllers.get(controller)!, path, 'c');
    for (const place of new Set([child('cpu'), child('memory')])) mkdirSync(place);
    write(hierarchies, child, sizes[0]!, ['memory', 'cpu']);
    for (const [at, to] of [...sizes.slice(1), sizes[0]!].entries()) {
      const pod = podOf(to);
      const work = [{ id: 'c', name: 'c', from: sizes[at]!, to }];
      for (const step of resizeSteps(work, await cgroups.limits(pod), cgroups.wanted(pod))) {
        if (step.kind === 'cgroup') await cgroups.apply(pod, step.set);
        if (step.kind === 'container') write(hierarchies, child, step.after, step.resources);
      }
      const { cpuShares: _, ...limits } = await cgroups.limits(pod);
      const milli = milliValue(amountOf(to.limits, 'cpu'));
      const memory = wholeValue(amountOf(to.limits, 'memory'));
      expect(limits).toEqual({ cpuQuota: milli * 100, cpuPeriod: 100_000, memory });
      const file = hierarchies.version === 1 ? 'memory.limit_in_bytes' : 'memory.max';
      expect(Number(readFileSync(join(child('memory'), file), 'utf8'))).toBe(memory);
    }
    for (const place of new Set([child('cpu'), child('memory')])) rmdirSync(place);
  } finally {
    await manager.destroy([ROOT], signal);
  }
});

function makeRoot({ version }: Hierarchies, path: string): void {
  mkdirSync(path);
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    if (version === 1 && existsSync(join(path, file)))
      writeFileSync(join(path, file), readFileSync(join(path, '..', file), 'utf8').trim());
}

/** As the OCI runtime writes a container's limits. */
function write(
  { version }: Hierarchies,
  child: (controller: 'cpu' | 'memory') => string,
  { limits }: ResourceRequirements,
  of: readonly ('cpu' | 'memory')[],
): void {
  const milli = milliValue(amountOf(limits, 'cpu'));
  const quota = cpuQuota(milli, 100_000);
  const memory = String(wholeValue(amountOf(limits, 'memory')));
  if (of.includes('memory'))
    writeFileSync(join(child('memory'), version === 1 ? 'memory.limit_in_bytes' : 'memory.max'), memory);
  if (!of.includes('cpu')) return;
  if (version === 1) {
    writeFileSync(join(child('cpu'), 'cpu.cfs_quota_us'), String(quota));
    writeFileSync(join(child('cpu'), 'cpu.shares'), String(cpuShares(milli)));
  } else writeFileSync(join(child('cpu'), 'cpu.max'), `${quota} 100000`);
}
