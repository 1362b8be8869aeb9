import { join } from 'node:path';
import type { DeviceManager } from '../../devices/deviceManager.ts';
import type { PluginHandlers } from '../../plugins/handler.ts';
import { PluginManager } from '../../plugins/pluginManager.ts';
import type { Base } from './preflight.ts';

/** Opens the plug-ins' door. A plug-in that hangs, lies or is of an unknown type holds up nobody else, and never the start. */
export function openPlugins(
  { rootDir, log, clock }: Base,
  devices: DeviceManager,
  stack: AsyncDisposableStack,
): PluginManager {
  const handlers: PluginHandlers = { DevicePlugin: devices.handler };
  const directory = join(rootDir, 'plugins_registry');
  return stack.use(new PluginManager({ directory, handlers, log, clock })).start();
}
