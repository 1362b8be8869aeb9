import { amountsOf } from '../../k8s/resourceAmounts.ts';
import type { DeviceFacts, MachineFacts, NodeSettings } from '../types.ts';
import { formatAmount, formatBytes } from './amounts.ts';

type Resources = Readonly<Record<string, string>>;
type Settings = Pick<
  NodeSettings,
  'maxPods' | 'podsPerCore' | 'kubeReserved' | 'systemReserved' | 'evictionHard' | 'localStorageIsolation'
>;

const NANO = 1_000_000_000n;

/**
 * The node's capacity. Keys that others have put there (extended resources) stay. The resource of a device plugin that has gone
 * becomes 0, which tells it from a resource that only the cluster knows.
 */
export function nodeCapacity(
  existing: Resources,
  machine: MachineFacts,
  settings: Settings,
  devices?: DeviceFacts,
): Resources {
  const { maxPods, podsPerCore } = settings;
  const capacity: Record<string, string> = {
    ...existing,
    ...ownCapacity(machine, settings.localStorageIsolation),
    pods: String(podsPerCore > 0 ? Math.min(machine.cores * podsPerCore, maxPods) : maxPods),
    ...devices?.capacity,
  };
  for (const resource of devices?.removed ?? []) capacity[resource] = '0';
  return capacity;
}

/** What the machine itself has: cpu, memory, huge pages and local storage. */
function ownCapacity(machine: MachineFacts, localStorageIsolation: boolean): Resources {
  const capacity: Record<string, string> = {
    cpu: String(machine.cores),
    memory: formatBytes(BigInt(machine.memoryBytes)),
  };
  for (const [pageSize, bytes] of Object.entries(machine.hugePages)) {
    capacity[`hugepages-${formatBytes(BigInt(pageSize))}`] = formatBytes(BigInt(bytes));
  }
  if (localStorageIsolation && machine.rootfsBytes !== undefined) {
    capacity['ephemeral-storage'] = formatBytes(BigInt(machine.rootfsBytes));
  }
  return capacity;
}

/**
 * Capacity less what is reserved for the system, for Kubernetes and for hard eviction, never below 0; memory also less all huge
 * pages. Device plugins say for themselves what is allocatable.
 */
export function nodeAllocatable(
  existing: Resources,
  capacity: Resources,
  machine: MachineFacts,
  settings: Settings,
  devices?: DeviceFacts,
): Resources {
  const kept = Object.entries(existing).filter(([name]) => Object.hasOwn(capacity, name) || !name.includes('/'));
  const allocatable: Record<string, string> = Object.fromEntries(kept);
  const reserved = reservations(machine, settings);
  const amounts = amountsOf(capacity);
  for (const [resource, amount] of amounts) {
    const less = reserved.get(resource) ?? 0n;
    allocatable[resource] = less === 0n ? capacity[resource]! : formatAmount(resource, atLeastZero(amount - less));
  }
  Object.assign(allocatable, devices?.allocatable);
  const hugePages = [...amounts].filter(([name]) => name.startsWith('hugepages-')).reduce((sum, [, n]) => sum + n, 0n);
  if (hugePages > 0n) {
    const memory = (amounts.get('memory') ?? 0n) - (reserved.get('memory') ?? 0n);
    allocatable.memory = formatAmount('memory', atLeastZero(atLeastZero(memory) - hugePages));
  }
  return allocatable;
}

/** Why these reservations cannot hold on this machine, in kubelet's words; undefined when they can. */
export function reservationProblem(machine: MachineFacts, settings: Settings): string | undefined {
  const capacity = ownCapacity(machine, settings.localStorageIsolation);
  const amounts = amountsOf(capacity);
  const wrong = [...reservations(machine, settings)].flatMap(([resource, reserved]) => {
    if (reserved <= (amounts.get(resource) ?? 0n)) return [];
    const text = `${formatAmount(resource, reserved)} but capacity of ${capacity[resource]}`;
    return [`Resource "${resource}" has a reservation of ${text}. Expected capacity >= reservation.`];
  });
  return wrong.length === 0 ? undefined : `invalid Node Allocatable configuration. ${wrong.join(' ')}`;
}

/** What is kept back of CPU (thousandths of a core) and memory (bytes), as the managers of both are to know it. */
export function keptBack(
  machine: MachineFacts,
  settings: Settings,
): { readonly cpuMilli: bigint; readonly memory: bigint } {
  const reserved = reservations(machine, settings);
  const of = (resource: string, step: bigint) => ((reserved.get(resource) ?? 0n) + step - 1n) / step;
  return { cpuMilli: of('cpu', 1_000_000n), memory: of('memory', NANO) };
}

function atLeastZero(amount: bigint): bigint {
  return amount < 0n ? 0n : amount;
}

/** In billionths, for the machine's own resources only: reservations of anything else have no effect. */
function reservations(machine: MachineFacts, settings: Settings): ReadonlyMap<string, bigint> {
  const lists = [settings.kubeReserved, settings.systemReserved].map((list) => amountsOf(list));
  const total = new Map<string, bigint>();
  for (const [resource, amount] of amountsOf(ownCapacity(machine, settings.localStorageIsolation))) {
    const reserved = lists.reduce((sum, list) => sum + (list.get(resource) ?? 0n), 0n);
    total.set(resource, reserved + evictionReserve(resource, amount, settings.evictionHard));
  }
  return total;
}

const EVICTION_SIGNAL: Readonly<Record<string, string>> = {
  memory: 'memory.available',
  'ephemeral-storage': 'nodefs.available',
};

/**
 * What the hard eviction threshold keeps free, in billionths. A percentage is taken in single precision and cut to bytes, as
 * kubelet does (10 % of 61255492Ki is 6272562474), so that both agree to the byte.
 */
function evictionReserve(resource: string, capacity: bigint, evictionHard: Resources): bigint {
  const signal = EVICTION_SIGNAL[resource];
  const threshold = signal === undefined ? undefined : evictionHard[signal];
  // These two percentages are no thresholds.
  if (threshold === undefined || threshold === '0%' || threshold === '100%') return 0n;
  if (!threshold.endsWith('%')) return amountsOf({ threshold }).get('threshold') ?? 0n;
  const fraction = Math.fround(Math.fround(Number(threshold.slice(0, -1))) / 100);
  return Number.isFinite(fraction) ? BigInt(Math.trunc(Number(capacity / NANO) * fraction)) * NANO : 0n;
}
