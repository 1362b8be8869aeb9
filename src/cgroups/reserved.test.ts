import type { NodeEvent } from '../events/event.ts';
import { enforceReserved } from './reserved.ts';
import type { CgroupName } from './rules/names.ts';
import type { QosSettings } from './rules/qosTiers.ts';
import type { ResourceConfig } from './rules/resourceConfig.ts';

const config = {
  enforceNodeAllocatable: ['pods', 'system-reserved', 'kube-reserved-compressible'],
  systemReserved: { cpu: '500m', memory: '1Gi', pid: '1000', 'ephemeral-storage': '1Gi' },
  systemReservedCgroup: '/system.slice',
  kubeReserved: { cpu: '1', memory: '1Gi' },
  kubeReservedCgroup: '/runtime.slice/runtime-kube_lets.slice',
};

function setUp(driver: 'systemd' | 'cgroupfs', failure?: Error, qos: QosSettings = { allocatableMemory: 0 }) {
  const applied: [CgroupName, ResourceConfig][] = [];
  const events: NodeEvent[] = [];
  const apply = async (name: CgroupName, limits: ResourceConfig) => {
    if (failure) throw failure;
    applied.push([name, limits]);
  };
  const run = (what: Partial<typeof config> = {}) =>
    enforceReserved({ ...config, ...what }, { driver, apply, qos }, (event) => events.push(event));
  return { applied, events, run };
}

test('writes what is reserved into the cgroups that are named, and says so', async () => {
  const { applied, events, run } = setUp('systemd');
  await run();
  expect(applied).toEqual([
    [['system'], { cpuShares: 512, memory: 2 ** 30, pids: 1000, hugePages: new Map() }],
    [['runtime', 'kube-lets'], { cpuShares: 1024 }],
  ]);
  expect(events.map(({ type, reason, message }) => `${type} ${reason} ${message}`)).toEqual([
    'Normal NodeAllocatableEnforced Updated limits on system reserved cgroup /system.slice',
    'Normal NodeAllocatableEnforced Updated limits on kube reserved cgroup /runtime.slice/runtime-kube_lets.slice',
  ]);
});

test('with MemoryQoS its memory is kept for it', async () => {
  const { applied, run } = setUp('systemd', undefined, { allocatableMemory: 0, tieredReservation: false });
  await run();
  expect(applied[0]?.[1]).toMatchObject({ memory: 2 ** 30, protection: { min: 2 ** 30 } });
  expect(applied[1]?.[1]).toEqual({ cpuShares: 1024 });
});

test('with cgroupfs names are paths', async () => {
  const { applied, run } = setUp('cgroupfs');
  await run({ systemReservedCgroup: 'daemons/system', enforceNodeAllocatable: ['system-reserved-compressible'] });
  expect(applied).toEqual([[['daemons', 'system'], { cpuShares: 512 }]]);
});

test('does nothing unless asked', async () => {
  const { applied, run } = setUp('systemd');
  for (const enforceNodeAllocatable of [['pods'], ['none'], []]) await run({ enforceNodeAllocatable });
  expect(applied).toEqual([]);
});

test('a cgroup that is not there is a reason not to start, told in one sentence', async () => {
  const missing = Object.assign(new Error('cannot write 512 to /x: ENOENT'), { code: 'ENOENT' });
  await expect(setUp('systemd', missing).run()).rejects.toThrow(
    'cannot enforce systemReserved on systemReservedCgroup /system.slice: cannot write 512 to /x: ENOENT; make the cgroup before the kubelet starts',
  );
});
