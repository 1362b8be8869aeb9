import type { ServerHost } from '../host.ts';
import { type Exchange, HttpError, sendText } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';

const CHECKS = ['ping', 'log', 'syncloop'] as const;

/** Whether the agent is well: all checks, or one by name. */
export const healthz: Route = {
  paths: ['/healthz', '/healthz/{check}'],
  readOnly: true,
  handle: serveHealth,
};

function serveHealth(exchange: Exchange, host: ServerHost): void {
  const { check } = exchange.params;
  const problem = host.unhealthy();
  if (check !== undefined) {
    if (!CHECKS.includes(check as 'ping')) throw new HttpError(404, '404 page not found\n');
    if (check === 'syncloop' && problem !== undefined) throw new HttpError(500, `internal server error: ${problem}\n`);
    sendText(exchange, 200, 'ok');
    return;
  }
  if (problem === undefined && !exchange.query.has('verbose')) {
    sendText(exchange, 200, 'ok');
    return;
  }
  const lines = CHECKS.map((name) =>
    name === 'syncloop' && problem !== undefined ? `[-]${name} failed: reason withheld` : `[+]${name} ok`,
  );
  const verdict = problem === undefined ? 'healthz check passed' : 'healthz check failed';
  sendText(exchange, problem === undefined ? 200 : 500, `${lines.join('\n')}\n${verdict}\n`);
}
