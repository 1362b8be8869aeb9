import { HttpError } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';
import { sendZPage } from '../http/zpage.ts';

/** The flags and their values (KEP-4828). */
export const flagz: Route = {
  paths: ['/flagz'],
  handle(exchange, host) {
    if (!host.config.enableDebuggingHandlers || !host.gates.enabled('ComponentFlagz'))
      throw new HttpError(404, '404: Page Not Found');
    const flags = host.flags();
    const text = Object.entries(flags)
      .map(([name, value]) => `${name}=${value}\n`)
      .join('');
    sendZPage(exchange, { kind: 'Flagz', text, fields: { flags } });
  },
};
