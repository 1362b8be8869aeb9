import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import { FakeCgroupFs, fakeHierarchies } from './fake/cgroupFs.ts';
import { createCgroupManager } from './manager.ts';
import { NO_DEMAND } from './rules/qosTiers.ts';
import { withoutPodCgroups } from './withoutPodCgroups.ts';

const pod = allocatedAsAsked({
  metadata: { name: 'p', uid: 'uid-p' },
  spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: '1', memory: '64Mi' } } }] },
});

test('cgroupsPerQOS: false: no cgroup is made, written or destroyed, and the runtime is given none', async () => {
  const hierarchies = fakeHierarchies(2);
  const fs = new FakeCgroupFs(hierarchies);
  const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: 100 };
  const manager = withoutPodCgroups(
    createCgroupManager({ hierarchies, driver: 'cgroupfs', cgroupRoot: '', settings, fs }),
  );
  await manager.setUpNode({ capacity: { cpu: '4', memory: '8Gi' }, reserved: [], enforcePods: false });
  const { name, cgroupParent } = await manager.ensurePod(pod);
  await manager.updateQos(NO_DEMAND);
  await manager.refreshQos();
  expect(cgroupParent).toBe('');
  expect(await manager.readLimits(name)).toMatchObject({ cpuQuota: 100_000, memory: 64 * 2 ** 20 });
  await manager.apply(name, { memory: 32 * 2 ** 20 });
  expect(await manager.readLimits(name)).toMatchObject({ cpuQuota: 100_000, memory: 32 * 2 ** 20 });
  expect(await manager.listPods()).toEqual([]);
  await manager.destroy(name, new AbortController().signal);
  await expect(manager.readLimits(name)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(fs.writes).toEqual([]);
});
