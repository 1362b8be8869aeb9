import { parseGoBool } from '../../../k8s/goBool.ts';
import { goQuote } from '../../../k8s/goText.ts';
import type { CpuTopology } from '../topology/nodeTopology.ts';
import { NO_CPU_OPTIONS, STATIC_CPU_OPTIONS, type StaticCpuOptions } from './staticOptions.ts';
import { type StaticCpuPolicy, staticCpuPolicy } from './staticPolicy.ts';

const ALPHA = ['align-by-socket', 'distribute-cpus-across-cores'];
const BETA = ['distribute-cpus-across-numa'];
/** Pairs that cannot be set together. */
const EXCLUSIVE = [
  ['full-pcpus-only', 'distribute-cpus-across-cores'],
  ['distribute-cpus-across-numa', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-cores'],
  ['prefer-align-cpus-by-uncorecache', 'distribute-cpus-across-numa'],
] as const;

/** Which stages of options the feature gates CPUManagerPolicyAlphaOptions and CPUManagerPolicyBetaOptions let in. */
export interface OptionStages {
  readonly alpha: boolean;
  readonly beta: boolean;
}

/** Reads cpuManagerPolicyOptions for policy static. Throws with Go's refusal. */
function parseCpuOptions(given: Readonly<Record<string, string>>, stages: OptionStages): StaticCpuOptions {
  const options: Record<keyof StaticCpuOptions, boolean> = { ...NO_CPU_OPTIONS };
  for (const [name, value] of Object.entries(given)) {
    const option = Object.hasOwn(STATIC_CPU_OPTIONS, name) ? STATIC_CPU_OPTIONS[name] : undefined;
    if (option === undefined) throw new Error(`unknown CPU Manager Policy option: ${goQuote(name)}`);
    const stage = ALPHA.includes(name) ? 'Alpha' : BETA.includes(name) ? 'Beta' : undefined;
    if ((stage === 'Alpha' && !stages.alpha) || (stage === 'Beta' && !stages.beta)) {
      throw new Error(`CPU Manager Policy ${stage}-level Options not enabled, but option ${goQuote(name)} provided`);
    }
    try {
      options[option] = parseGoBool(value);
    } catch (error) {
      throw new Error(`bad value for option ${goQuote(name)}: ${(error as Error).message}`);
    }
  }
  for (const [one, other] of EXCLUSIVE) {
    if (!options[STATIC_CPU_OPTIONS[one]!] || !options[STATIC_CPU_OPTIONS[other]!]) continue;
    throw new Error(`static policy options ${one} and ${other} can not be used at the same time`);
  }
  return options;
}

/** What the configuration says of the CPU manager with policy static. */
export interface CpuManagerSettings {
  /** cpuManagerPolicyOptions. */
  readonly options: Readonly<Record<string, string>>;
  readonly stages: OptionStages;
  /** systemReserved and kubeReserved CPU together, in thousandths; with reservedSystemCPUs, these. */
  readonly reservedMilli: bigint;
  /** reservedSystemCPUs. */
  readonly reserved: readonly number[];
  readonly topologyPolicy: string;
}

/** Policy static as it is configured, on this machine. Throws with Go's refusal. */
export function cpuManagerPolicy(
  topology: CpuTopology,
  { options: given, stages, reservedMilli, reserved, topologyPolicy }: CpuManagerSettings,
): StaticCpuPolicy {
  if (topology.cpus.length === 0) throw new Error('could not detect number of cpus');
  if (reservedMilli === 0n) {
    throw new Error(
      '[cpumanager] the static policy requires systemreserved.cpu + kubereserved.cpu to be greater than zero',
    );
  }
  try {
    const options = parseCpuOptions(given, stages);
    checkAlignBySocket(topology, options, topologyPolicy);
    return staticCpuPolicy(topology, options, { reserved, count: Number((reservedMilli + 999n) / 1000n) });
  } catch (error) {
    throw new Error(`new static policy error: ${(error as Error).message}`);
  }
}

function checkAlignBySocket(topology: CpuTopology, { alignBySocket }: StaticCpuOptions, topologyPolicy: string): void {
  if (!alignBySocket) return;
  if (topologyPolicy === 'single-numa-node') {
    throw new Error(
      'Topolgy manager single-numa-node policy is incompatible with CPUManager align-by-socket policy option',
    );
  }
  if (topology.sockets > topology.numaNodes.length) {
    throw new Error(
      'Align by socket is not compatible with hardware where number of sockets are more than number of NUMA',
    );
  }
}
