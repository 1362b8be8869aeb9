import { join } from 'node:path';
import type { PluginHandlers } from '../../plugins/handler.ts';
import { PluginManager } from '../../plugins/pluginManager.ts';
import type { Base } from './preflight.ts';

/**
 * Opens the plug-ins' door. A plug-in that hangs, lies or is of a type without a handler holds up nobody else, and never the start; it
 * is told so in kubelet's words, and named in the log.
 */
export function openPlugins(
  { rootDir, log, clock }: Base,
  handlers: PluginHandlers,
  stack: AsyncDisposableStack,
): PluginManager {
  const directory = join(rootDir, 'plugins_registry');
  return stack.use(new PluginManager({ directory, handlers, log, clock })).start();
}
