import { parseDuration } from '../k8s/duration.ts';
import type { KubeletConfiguration } from './kubeletConfiguration.ts';
import type { Problem } from './problem.ts';

const SIGNALS = [
  'memory.available',
  'allocatableMemory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'containerfs.available',
  'containerfs.inodesFree',
  'pid.available',
];
const RESOURCES = ['cpu', 'memory', 'ephemeral-storage', 'pid'];
const ENFORCEMENTS = [
  'none',
  'pods',
  'system-reserved',
  'system-reserved-compressible',
  'kube-reserved',
  'kube-reserved-compressible',
];
const QUANTITY = /^\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[KMGTPE]i|[numkMGTPE])?$/;
const PERCENT = /^(\d+(\.\d+)?|\.\d+)%$/;

const at = (path: string, sentence: string): Problem => ({ path, sentence });

/** Thresholds, grace periods and minimum reclaims of eviction. */
export function evictionProblems(c: KubeletConfiguration): Problem[] {
  const problems: Problem[] = [];
  for (const path of ['evictionHard', 'evictionSoft', 'evictionMinimumReclaim'] as const) {
    for (const [signal, value] of Object.entries(c[path])) {
      if (!SIGNALS.includes(signal))
        problems.push(at(path, `names the unknown signal "${signal}"; known are ${SIGNALS.join(', ')}`));
      else if (!isThreshold(value)) {
        problems.push(at(path, `must hold a quantity or a percentage up to 100% for ${signal}, not "${value}"`));
      }
    }
  }
  for (const signal of Object.keys(c.evictionSoft)) {
    if (c.evictionSoftGracePeriod[signal] !== undefined) continue;
    problems.push(at('evictionSoft', `needs a grace period for ${signal} in evictionSoftGracePeriod`));
  }
  for (const [signal, value] of Object.entries(c.evictionSoftGracePeriod)) {
    const ms = parseDuration(value);
    if (!SIGNALS.includes(signal)) problems.push(at('evictionSoftGracePeriod', `names the unknown signal "${signal}"`));
    else if (ms === undefined || ms < 0) {
      problems.push(
        at('evictionSoftGracePeriod', `must hold a duration such as '1m30s' for ${signal}, not "${value}"`),
      );
    }
  }
  return problems;
}

function isThreshold(value: string): boolean {
  return PERCENT.test(value) ? Number(value.slice(0, -1)) <= 100 : QUANTITY.test(value);
}

/** Reservations of resources and where they are enforced. */
export function reservationProblems(c: KubeletConfiguration): Problem[] {
  const problems: Problem[] = [];
  for (const path of ['systemReserved', 'kubeReserved'] as const) {
    for (const [resource, value] of Object.entries(c[path])) {
      if (!RESOURCES.includes(resource)) {
        problems.push(at(path, `cannot reserve "${resource}"; allowed are ${RESOURCES.join(', ')}`));
      } else if (!QUANTITY.test(value)) {
        problems.push(at(path, `must hold a quantity for ${resource} such as '500m' or '1Gi', not "${value}"`));
      }
    }
  }
  for (const [resource, value] of Object.entries(c.qosReserved)) {
    if (resource !== 'memory') problems.push(at('qosReserved', `supports only memory, not "${resource}"`));
    else if (!PERCENT.test(value) || Number(value.slice(0, -1)) > 100) {
      problems.push(at('qosReserved', `must hold a percentage from 0% to 100% for memory, not "${value}"`));
    }
  }
  if (c.reservedSystemCPUs !== '' && (c.systemReservedCgroup !== '' || c.kubeReservedCgroup !== '')) {
    problems.push(at('reservedSystemCPUs', 'cannot be set with systemReservedCgroup or kubeReservedCgroup'));
  }
  return [...problems, ...enforcementProblems(c), ...reservedMemoryProblems(c)];
}

function enforcementProblems(c: KubeletConfiguration): Problem[] {
  const path = 'enforceNodeAllocatable';
  const wanted = c.enforceNodeAllocatable;
  const problems: Problem[] = [];
  for (const [index, value] of wanted.entries()) {
    if (!ENFORCEMENTS.includes(value)) {
      problems.push(at(path, `must be a list of ${ENFORCEMENTS.join(', ')}, and "${value}" is none of them`));
    } else if (wanted.indexOf(value) !== index) problems.push(at(path, `names "${value}" twice`));
    else if (value === 'none') {
      if (wanted.length > 1) problems.push(at(path, 'may not contain anything else when "none" is in it'));
    } else if (!c.cgroupsPerQOS) {
      problems.push(at(path, `needs cgroupsPerQOS (--cgroups-per-qos) to be true for "${value}"`));
    }
  }
  for (const kind of ['system', 'kube'] as const) {
    const cgroup = `${kind}ReservedCgroup` as const;
    const full = wanted.includes(`${kind}-reserved`);
    const compressible = wanted.includes(`${kind}-reserved-compressible`);
    if (full && compressible) {
      problems.push(at(path, `cannot hold both "${kind}-reserved" and "${kind}-reserved-compressible"`));
    }
    if ((full || compressible) && c[cgroup] === '') {
      problems.push(at(path, `needs ${cgroup} (--${kind}-reserved-cgroup) to be set for "${kind}-reserved"`));
    }
  }
  return problems;
}

function reservedMemoryProblems(c: KubeletConfiguration): Problem[] {
  const seen = new Set<string>();
  return c.reservedMemory.flatMap(({ numaNode, limits }) =>
    Object.entries(limits).flatMap(([resource, value]) => {
      const where = `for ${resource} of NUMA node ${numaNode}`;
      const key = `${numaNode}/${resource}`;
      const twice = seen.has(key);
      seen.add(key);
      if (resource !== 'memory' && !resource.startsWith('hugepages-')) {
        return [at('reservedMemory', `supports memory and hugepages-<size>, not "${resource}"`)];
      }
      if (!QUANTITY.test(value)) return [at('reservedMemory', `must hold a quantity ${where}, not "${value}"`)];
      if (!/[1-9]/.test(value.replace(/[eE].*/, ''))) return [at('reservedMemory', `may not be zero ${where}`)];
      return twice ? [at('reservedMemory', `is given twice ${where}`)] : [];
    }),
  );
}
