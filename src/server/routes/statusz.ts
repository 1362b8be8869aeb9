import { KUBERNETES_VERSION } from '../../config/version.ts';
import { rfc3339 } from '../../k8s/rfc3339.ts';
import { HttpError } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';
import { sendZPage } from '../http/zpage.ts';

/** Where else to look; kubelet names these. */
const PATHS = ['/configz', '/debug', '/flagz', '/healthz', '/metrics'];
const START = new Date(Date.now() - performance.now());

/** What runs here and since when (KEP-4827). */
export const statusz: Route = {
  paths: ['/statusz'],
  handle(exchange, host) {
    if (!host.config.enableDebuggingHandlers || !host.gates.enabled('ComponentStatusz'))
      throw new HttpError(404, '404: Page Not Found');
    const uptimeSeconds = Math.max(0, Math.floor((host.clock.now().wall - START.getTime()) / 1000));
    const binaryVersion = KUBERNETES_VERSION.slice(1);
    const emulationVersion = binaryVersion.split('.').slice(0, 2).join('.');
    const goVersion = `kubelet-ts on Node.js ${process.version}`;
    const startTime = rfc3339(START.getTime());
    const two = (n: number) => String(n).padStart(2, '0');
    const [hours, minutes] = [Math.floor(uptimeSeconds / 3600), Math.floor(uptimeSeconds / 60) % 60];
    const text = [
      '',
      `Started: ${startTime}`,
      `Up: ${hours} hr ${two(minutes)} min ${two(uptimeSeconds % 60)} sec`,
      `Go version: ${goVersion}`,
      `Binary version: ${binaryVersion}`,
      `Emulation version: ${emulationVersion}`,
      `Paths: ${PATHS.join(' ')}`,
      '',
    ].join('\n');
    const fields = { startTime, uptimeSeconds, goVersion, binaryVersion, emulationVersion, paths: PATHS };
    sendZPage(exchange, { kind: 'Statusz', text, fields });
  },
};
