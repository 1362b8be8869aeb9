import { toConfigz } from '../../config/configz.ts';
import { sendJson } from '../http/exchange.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';

/** The configuration in force. */
export const configz: Route = {
  paths: ['/configz'],
  disabled: debuggingDisabled,
  handle: (exchange, host) => sendJson(exchange, JSON.stringify(toConfigz(host.config))),
};
