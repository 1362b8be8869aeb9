// UpdateCgroups of pkg/kubelet/cm/qos_container_manager_linux.go, and what Pods' cgroups have of memory protection.
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { ResourceRequirements } from '../../types/k8s.ts';
import { controlWrites } from './controlFiles.ts';
import { allocatableMemory } from './nodeConfig.ts';
import { podConfig } from './podConfig.ts';
import { qosSettings } from './qosSettings.ts';
import { addDemands, demandOf, qosConfigs, raisedTo } from './qosTiers.ts';
import { UNBOUNDED } from './resourceConfig.ts';
import { limitProperties } from './systemdProperties.ts';

const Mi = 2 ** 20;
const pod = (...containers: ResourceRequirements[]) =>
  allocatedAsAsked({
    metadata: { name: 'p', uid: 'u' },
    spec: { containers: containers.map((resources, index) => ({ name: `c${index}`, image: 'i', resources })) },
  });
const both = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
const pods = [
  pod({ requests: { cpu: '100m', memory: '100Mi' } }),
  pod({ requests: { cpu: '200m' } }, { requests: { memory: '50Mi' } }),
  pod(both('1', '300Mi')),
  pod({}),
];
const demand = addDemands(pods.map(demandOf));
const nothing = { allocatableMemory: 0 };

test('the classes have what their Pods request: Burstable alone of CPU, Guaranteed and Burstable of memory', () => {
  expect(demand).toEqual({ burstableMilliCPU: 300, guaranteedMemory: 300 * Mi, burstableMemory: 150 * Mi });
});

test('CPU weight, and every size of huge pages without bound', () => {
  const hugePages = new Map([
    [2 * Mi, UNBOUNDED],
    [1024 * Mi, UNBOUNDED],
  ]);
  expect(qosConfigs(demand, nothing, [2 * Mi, 1024 * Mi])).toEqual({
    Burstable: { cpuShares: 307, hugePages },
    BestEffort: { cpuShares: 2, hugePages },
  });
  expect(qosConfigs(undefined, nothing, []).Burstable).toEqual({ hugePages: new Map() });
});

test.each([
  [0, 1000, 1000],
  [50, 850, 775],
  [100, 700, 550],
])(
  'qosReserved %i%%: lower classes do not get the requests of higher ones',
  (reservedPercent, burstable, bestEffort) => {
    const configs = qosConfigs(demand, { allocatableMemory: 1000 * Mi, reservedPercent }, []);
    expect([configs.Burstable.memory, configs.BestEffort.memory]).toEqual([burstable * Mi, bestEffort * Mi]);
    expect(configs.Guaranteed).toBeUndefined();
  },
);

test('qosReserved waits for the size of the memory, and rises to what is used already', () => {
  expect(qosConfigs(demand, { allocatableMemory: 0, reservedPercent: 50 }, []).Burstable.memory).toBeUndefined();
  const configs = qosConfigs(demand, { allocatableMemory: 1000 * Mi, reservedPercent: 50 }, []);
  const raised = raisedTo(configs, { Burstable: 900 * Mi, BestEffort: 100 * Mi });
  expect([raised.Burstable.memory, raised.BestEffort.memory]).toEqual([900 * Mi, 775 * Mi]);
});

test('memory protection: the cgroup of all Pods covers both classes', () => {
  const tiered = qosConfigs(demand, { ...nothing, tieredReservation: true }, []);
  expect([tiered.Guaranteed?.protection, tiered.Burstable.protection, tiered.BestEffort.protection]).toEqual([
    { min: 450 * Mi },
    { low: 150 * Mi },
    undefined,
  ]);
  const none = qosConfigs(demand, { ...nothing, tieredReservation: false }, []);
  expect([none.Guaranteed?.protection, none.Burstable.protection]).toEqual([{ min: 0 }, { low: 0 }]);
});

test('memory protection of a Pod: hard for Guaranteed, soft for Burstable, as requests are', () => {
  const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: -1 };
  const of = (index: number, tieredReservation: boolean) =>
    podConfig(pods[index]!, { ...settings, tieredReservation }).protection;
  expect([of(2, true), of(0, true), of(3, true)]).toEqual([{ min: 300 * Mi }, { low: 100 * Mi }, undefined]);
  expect(of(2, false)).toBeUndefined();
  expect(
    podConfig(pod({ requests: { cpu: '1' } }), { ...settings, tieredReservation: true }).protection,
  ).toBeUndefined();
});

test('protection is written with cgroup v2 alone; systemd is told of it', () => {
  const config = { protection: { min: 5, low: 0 } };
  expect(controlWrites(config, 1, [])).toEqual([]);
  expect(controlWrites(config, 2, []).map(({ file, value }) => `${file}=${value}`)).toEqual([
    'memory.min=5',
    'memory.low=0',
  ]);
  expect(limitProperties(config, 2, 250)).toEqual({
    MemoryMin: { signature: 't', value: 5n },
    MemoryLow: { signature: 't', value: 0n },
  });
  expect(limitProperties(config, 1, 250)).toEqual({});
});

test.each([
  ['both gates off', [], 2, {}],
  ['protection', ['MemoryQoS'], 2, { tieredReservation: true }],
  ['protection on cgroup v1', ['MemoryQoS'], 1, {}],
  ['reservation', ['QOSReserved'], 1, { reservedPercent: 50 }],
] as const)('settings: %s', (_what, on, version, expected) => {
  const config = { memoryReservationPolicy: 'TieredReservation', qosReserved: { memory: '50%' } };
  const gates = { enabled: (name: string) => (on as readonly string[]).includes(name) };
  expect(qosSettings(config, gates, version, 7)).toEqual({ allocatableMemory: 7, ...expected });
});

test('what of the memory is not kept for the system, enforced or not', () => {
  const capacity = { memory: '1000Mi' };
  const reserved: Record<string, string>[] = [{ memory: '100Mi' }, { cpu: '1' }, { memory: '50Mi' }];
  const limits = { capacity, reserved, enforcePods: false };
  expect(allocatableMemory(limits)).toBe(850 * Mi);
  expect(allocatableMemory({ ...limits, reserved: [{ memory: '2000Mi' }] })).toBe(0);
});
