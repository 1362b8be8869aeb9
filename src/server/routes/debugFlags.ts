import type { IncomingMessage } from 'node:http';
import { goQuote } from '../../k8s/goText.ts';
import { HttpError, sendText } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';

const MAX_BODY = 64;

/** Sets the verbosity of the log: `PUT 4`. */
export const debugFlags: Route = {
  paths: ['/debug/flags/v'],
  disabled: (config) =>
    config.enableDebuggingHandlers && !config.enableDebugFlagsHandler ? 'flags endpoint is disabled.' : undefined,
  async handle(exchange, host) {
    if (!host.config.enableDebuggingHandlers) throw new HttpError(404, '404: Page Not Found');
    if (exchange.method !== 'PUT') throw new HttpError(406, 'unrecognized http method\n');
    const text = (await body(exchange.request)).trim();
    const level = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
    if (level === undefined)
      throw new HttpError(400, `error setting flag value: failed set klog.logging.verbosity ${goQuote(text)}\n`);
    host.setVerbosity(level);
    sendText(exchange, 200, `successfully set klog.logging.verbosity to ${level}`);
  },
};

async function body(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) {
    text += String(chunk);
    if (text.length > MAX_BODY) throw new HttpError(400, 'error reading request body: it is too long\n');
  }
  return text;
}
