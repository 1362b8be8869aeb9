import { join } from 'node:path';
import type { PluginHandlers } from '../../plugins/handler.ts';
import { PluginManager } from '../../plugins/pluginManager.ts';
import type { Base } from './preflight.ts';

/** By plug-in type. None can be used yet: each is told so in kubelet's words, and named in the log. */
const handlers: PluginHandlers = {};

/** Opens the plug-ins' door. A plug-in that hangs, lies or is of an unknown type holds up nobody else, and never the start. */
export function openPlugins({ rootDir, log, clock }: Base, stack: AsyncDisposableStack): PluginManager {
  const directory = join(rootDir, 'plugins_registry');
  return stack.use(new PluginManager({ directory, handlers, log, clock })).start();
}
