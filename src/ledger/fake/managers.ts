import { silentLogger } from '../../lib/logger.ts';
import { NO_COUNTERS } from '../managers/counters.ts';
import { Managers, type ManagersOptions } from '../managers/managers.ts';
import type { ManagerGates, ManagerSettings } from '../managers/settings.ts';
import { testMachine } from './machine.ts';

/** Settings with which no manager does anything. */
export const NO_MANAGERS: ManagerSettings = {
  cpuManagerPolicy: 'none',
  cpuManagerPolicyOptions: {},
  memoryManagerPolicy: 'None',
  reservedMemory: [],
  topologyManagerPolicy: 'none',
  topologyManagerScope: 'container',
  topologyManagerPolicyOptions: {},
  reservedSystemCPUs: '',
};

/** CPUs are divided; the first one is nobody's. */
export const STATIC_CPUS: ManagerSettings = { ...NO_MANAGERS, cpuManagerPolicy: 'static', reservedSystemCPUs: '0' };

/** The feature gates as they are unless set. */
export const DEFAULT_GATES: ManagerGates = {
  cpuAlphaOptions: false,
  cpuBetaOptions: true,
  noQuotaWithOwnCpus: true,
  podLevel: false,
};

/** What a test says of its managers. */
export type TestManagers = Partial<Omit<ManagersOptions, 'rootDir' | 'settings'>> & {
  readonly settings?: Partial<ManagerSettings>;
};

/** Managers with their files below `rootDir`, by default on a machine with two CPUs of which one is reserved, and 1 GiB of memory. */
export function testManagers(rootDir: string, { settings, ...more }: TestManagers = {}): Promise<Managers> {
  return Managers.open({
    settings: { ...NO_MANAGERS, ...settings },
    gates: DEFAULT_GATES,
    reservation: { cpuMilli: 1000n, memory: 1n << 30n },
    topology: testMachine(),
    rootDir,
    log: silentLogger,
    counters: NO_COUNTERS,
    now: () => 0,
    find: async () => () => undefined,
    ...more,
  });
}
