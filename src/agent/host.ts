import { openCgroups } from '../cgroups/open.ts';
import { createMounter } from '../lib/linux/mounter.ts';
import { preflight } from '../node/preflight/preflight.ts';

/** The machine under the agent, as far as the agent changes it: the one thing besides runtime and API server that a test replaces. */
export interface Host {
  readonly preflight: typeof preflight;
  readonly openCgroups: typeof openCgroups;
  readonly createMounter: typeof createMounter;
}

/** This machine. */
export const realHost: Host = { preflight, openCgroups, createMounter };
