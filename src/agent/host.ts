import { openCgroups } from '../cgroups/open.ts';
import { takeShutdownLock } from '../lib/linux/logind/inhibitor.ts';
import { Logind } from '../lib/linux/logind/logind.ts';
import { systemBusSocket } from '../lib/linux/logind/systemBus.ts';
import { createMounter } from '../lib/linux/mounter.ts';
import { preflight } from '../node/preflight/preflight.ts';
import { overrideLogindDelay } from '../node/shutdown/files.ts';
import type { ShutdownWatchOptions } from '../node/shutdown/shutdownWatch.ts';

/** The machine under the agent, as far as the agent changes it: the one thing besides runtime and API server that a test replaces. */
export interface Host {
  readonly preflight: typeof preflight;
  readonly openCgroups: typeof openCgroups;
  readonly createMounter: typeof createMounter;
  readonly shutdowns: Pick<ShutdownWatchOptions, 'connect' | 'takeLock' | 'overrideDelay'>;
}

/** This machine. */
export const realHost: Host = {
  preflight,
  openCgroups,
  createMounter,
  shutdowns: {
    connect: () => Logind.connect(systemBusSocket(process.env)),
    takeLock: () => takeShutdownLock(),
    overrideDelay: (ms) => overrideLogindDelay(ms),
  },
};
