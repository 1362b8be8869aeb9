import { parseCpuList } from '../../k8s/cpuList.ts';
import { cpuManagerPolicy } from '../rules/cpus/settings.ts';
import type { StaticCpuPolicy } from '../rules/cpus/staticPolicy.ts';
import type { TopologySettings } from '../rules/topology/admit.ts';
import { cpuTopology, type NodeTopology } from '../rules/topology/nodeTopology.ts';
import { parseTopologyOptions, refuseHighIds, topologySettings } from '../rules/topology/settings.ts';
import type { ManagerGates, ManagerSettings, Reservation } from './settings.ts';

/** The policies of a node. */
export interface ManagerPolicies {
  readonly topology: TopologySettings;
  /** null: policy none. */
  readonly cpu: StaticCpuPolicy | null;
  readonly memoryStatic: boolean;
}

/** What the configuration makes of this machine. Throws Go's refusal when they do not fit. */
export function managerPolicies({
  settings,
  gates,
  reservation,
  topology,
}: {
  readonly settings: ManagerSettings;
  readonly gates: ManagerGates;
  readonly reservation: Reservation;
  readonly topology: NodeTopology | null;
}): ManagerPolicies {
  const { cpuManagerPolicy: cpu, memoryManagerPolicy: memory, topologyManagerPolicy: policy } = settings;
  const machine = topology ?? { nodes: [], sockets: 0 };
  refuseHighIds(machine.nodes.map(({ id }) => id));
  const common = topologySettings(machine, {
    policy,
    scope: settings.topologyManagerScope,
    options: parseTopologyOptions(policy === 'none' ? {} : settings.topologyManagerPolicyOptions),
  });
  if (cpu === 'none') refuseOptions(settings.cpuManagerPolicyOptions);
  const cpuPolicy = () =>
    cpuManagerPolicy(cpuTopology(machine), {
      options: settings.cpuManagerPolicyOptions,
      stages: { alpha: gates.cpuAlphaOptions, beta: gates.cpuBetaOptions },
      reservedMilli: reservation.cpuMilli,
      reserved: parseCpuList(settings.reservedSystemCPUs),
      topologyPolicy: policy,
    });
  return { topology: common, cpu: cpu === 'none' ? null : cpuPolicy(), memoryStatic: memory !== 'None' };
}

function refuseOptions(options: Readonly<Record<string, string>>): void {
  const given = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  if (given.length === 0) return;
  const text = given.map(([name, value]) => `${name}:${value}`).join(' ');
  throw new Error(`new none policy error: None policy: received unsupported options=map[${text}]`);
}
