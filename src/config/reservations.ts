import { parseCpuList } from '../k8s/cpuList.ts';
import type { KubeletConfiguration } from './kubeletConfiguration.ts';

type Lists = Pick<KubeletConfiguration, 'kubeReserved' | 'systemReserved'>;

/** What is reserved of each resource. With reservedSystemCPUs, exactly these CPUs are, whatever else is written. */
export function reservedLists(config: Lists & Pick<KubeletConfiguration, 'reservedSystemCPUs'>): Lists {
  const { kubeReserved, systemReserved, reservedSystemCPUs } = config;
  const cpus = parseCpuList(reservedSystemCPUs).length;
  if (cpus === 0) return { kubeReserved, systemReserved };
  const { cpu: _, ...others } = kubeReserved;
  return { kubeReserved: others, systemReserved: { ...systemReserved, cpu: String(cpus) } };
}
