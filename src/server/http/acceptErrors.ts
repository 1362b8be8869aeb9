import type { Server } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { seldom } from '../../lib/seldom.ts';

/** A machine without free descriptors or memory refuses every connection: one line a minute tells as much as thousands. */
const EVERY_MS = 60_000;

export interface AcceptErrorLog {
  /** Which server it is, for the log. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Logs connections that a listening server could not accept (ENFILE, ENOMEM). The server listens on; without a listener for its
 * `error` the event would end the process. Errors of a server that does not listen are left to whoever made it listen.
 */
export function onAcceptErrors(server: Server, { name, clock, log }: AcceptErrorLog): void {
  const tell = seldom(clock, EVERY_MS, (error: Error) =>
    log.warn('a connection could not be accepted; the server goes on', { server: name, error: errorMessage(error) }),
  );
  server.on('error', (error) => {
    if (server.listening) tell(error);
  });
}
