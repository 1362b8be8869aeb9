import type { ServerHost } from '../host.ts';
import { type Exchange, HttpError, sendText } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';

const CHECKS = ['ping', 'log', 'syncloop', 'device-plugin'] as const;

/** Whether the agent is well: all checks, or one by name. */
export const healthz: Route = {
  paths: ['/healthz', '/healthz/{check}'],
  readOnly: true,
  handle: serveHealth,
};

function serveHealth(exchange: Exchange, host: ServerHost): void {
  const { check } = exchange.params;
  const problems: Readonly<Partial<Record<string, string>>> = {
    syncloop: host.unhealthy(),
    'device-plugin': host.devicePluginProblem(),
  };
  if (check !== undefined) {
    if (!CHECKS.includes(check as 'ping')) throw new HttpError(404, '404 page not found\n');
    const problem = problems[check];
    if (problem !== undefined) throw new HttpError(500, `internal server error: ${problem}\n`);
    sendText(exchange, 200, 'ok');
    return;
  }
  const isWell = CHECKS.every((name) => problems[name] === undefined);
  if (isWell && !exchange.query.has('verbose')) {
    sendText(exchange, 200, 'ok');
    return;
  }
  const lines = CHECKS.map((name) =>
    problems[name] === undefined ? `[+]${name} ok` : `[-]${name} failed: reason withheld`,
  );
  sendText(exchange, isWell ? 200 : 500, `${lines.join('\n')}\nhealthz check ${isWell ? 'passed' : 'failed'}\n`);
}
