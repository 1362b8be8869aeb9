import { commands, manyExecs } from './commands.ts';
import { hostile } from './hostile.ts';
import { manyStreams, slowFollowers } from './load.ts';
import { logs, previousLogs, rotation } from './logs.ts';
import { ports } from './ports.ts';
import { rights, routes } from './routes.ts';
import type { Stage } from './stage.ts';

/** A part of the server's tests. */
export interface Part {
  /** Fits into `npm run e2e` beside others; the rest is for server.e2e.ts, which has the node to itself. */
  readonly quick: boolean;
  play(stage: Stage): Promise<void>;
}

/** All parts by name, in the order of server.e2e.ts. */
export const parts: Readonly<Record<string, Part>> = {
  logs: { quick: true, play: logs },
  'previous logs': { quick: true, play: previousLogs },
  rotation: { quick: false, play: rotation },
  commands: { quick: true, play: commands },
  ports: { quick: true, play: ports },
  routes: { quick: true, play: routes },
  rights: { quick: true, play: rights },
  hostile: { quick: true, play: hostile },
  'many execs': { quick: false, play: manyExecs },
  'many streams': { quick: false, play: manyStreams },
  'slow followers': { quick: false, play: slowFollowers },
};
