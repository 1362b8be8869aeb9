/** The options of CPU manager policy static (KubeletConfiguration cpuManagerPolicyOptions). */
export interface StaticCpuOptions {
  /** full-pcpus-only: no two containers on one core; a request must fill cores. */
  readonly fullCoresOnly: boolean;
  /** distribute-cpus-across-numa: evenly over NUMA nodes where one is not enough. */
  readonly acrossNuma: boolean;
  /** align-by-socket: near means the same socket, not the same NUMA node. */
  readonly alignBySocket: boolean;
  /** distribute-cpus-across-cores: rather one CPU of each core. */
  readonly acrossCores: boolean;
  /** strict-cpu-reservation: no Pod runs on reserved CPUs. */
  readonly strictReservation: boolean;
  /** prefer-align-cpus-by-uncorecache: rather CPUs of one uncore cache. */
  readonly alignByUncore: boolean;
}

/** The names that the options have in the configuration. */
export const STATIC_CPU_OPTIONS: Readonly<Record<string, keyof StaticCpuOptions>> = {
  'full-pcpus-only': 'fullCoresOnly',
  'distribute-cpus-across-numa': 'acrossNuma',
  'align-by-socket': 'alignBySocket',
  'distribute-cpus-across-cores': 'acrossCores',
  'strict-cpu-reservation': 'strictReservation',
  'prefer-align-cpus-by-uncorecache': 'alignByUncore',
};

/** No option set. */
export const NO_CPU_OPTIONS: StaticCpuOptions = {
  fullCoresOnly: false,
  acrossNuma: false,
  alignBySocket: false,
  acrossCores: false,
  strictReservation: false,
  alignByUncore: false,
};
