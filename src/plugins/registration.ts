// One registration of one plug-in: asked who it is, judged, taken into use, told so.
import type { Clock } from '../lib/clock.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { MAX_SOCKET_PATH } from '../lib/linux/unixAddress.ts';
import type { NameQueue } from '../lib/nameQueue.ts';
import { type Caller, createCaller } from '../rpc/caller.ts';
import { Connection } from '../rpc/connection.ts';
import { RpcError } from '../rpc/error.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import type { PluginHandler, PluginHandlers, PluginInfo } from './handler.ts';
import { cutError, excessOf, MAX_INFO_BYTES } from './limits.ts';
import { type RegistrationServices, registrationProtocol } from './protocols/registration.ts';

/** How long each step may take, in milliseconds. */
export interface RegistrationTimeouts {
  /** Until the socket's server speaks gRPC. */
  readonly connectMs: number;
  readonly getInfoMs: number;
  readonly notifyMs: number;
  /** Each call of a handler: CSI's takes until the driver says which node this is. */
  readonly handlerMs: number;
}

/** The first three are kubelet's. */
export const REGISTRATION_TIMEOUTS: RegistrationTimeouts = {
  connectMs: 10_000,
  getInfoMs: 1000,
  notifyMs: 5000,
  handlerMs: 120_000,
};

/** What registrations have in common. */
export interface RegistrationContext {
  readonly handlers: PluginHandlers;
  readonly timeouts: RegistrationTimeouts;
  readonly names: NameQueue;
  readonly clock: Clock;
}

/** Why a plug-in is not registered. */
export class RegistrationError extends KubeletError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: 'PluginRegistrationFailed', cause });
  }
}

/** A plug-in in use. */
export interface Registered {
  readonly plugin: PluginInfo;
  readonly handler: PluginHandler;
}

type RegistrationCaller = Caller<RegistrationServices, 'pluginregistration.Registration'>;

/**
 * Registers the plug-in at a socket. Rejects with a RegistrationError; nothing of it is in use then. `onInfo` learns early what the
 * plug-in said of itself. Aborting ends it as soon as the handler lets go.
 */
export async function registerPlugin(
  context: RegistrationContext,
  socket: string,
  signal: AbortSignal,
  onInfo: (plugin: PluginInfo) => void,
): Promise<Registered> {
  const { timeouts } = context;
  const bytes = Buffer.byteLength(socket);
  if (bytes > MAX_SOCKET_PATH)
    throw new RegistrationError(
      `nobody can connect to a socket whose path is ${bytes} bytes long; at most ${MAX_SOCKET_PATH} are possible`,
    );
  using connection = new Connection({ endpoint: socket, peer: 'plug-in', maxMessageBytes: MAX_INFO_BYTES });
  await step('the connection', connection.ready(timeouts.connectMs, signal));
  const caller = createCaller(connection, registrationProtocol, 'pluginregistration.Registration', timeouts.getInfoMs);
  const said = await step('GetInfo', caller.unary('GetInfo', {}, { signal }));
  const plugin: PluginInfo = {
    type: said.type,
    name: said.name,
    endpoint: said.endpoint || socket,
    versions: said.supportedVersions,
    socket,
  };
  const excess = excessOf(plugin);
  if (excess)
    throw await refuse(context, caller, `RegisterPlugin error -- plugin validation failed with err: ${excess}`);
  onInfo(plugin);
  const handler = Object.hasOwn(context.handlers, plugin.type) ? context.handlers[plugin.type] : undefined;
  if (!handler)
    throw await refuse(
      context,
      caller,
      `RegisterPlugin error -- no handler registered for plugin type: ${plugin.type} at socket ${socket}`,
    );
  await context.names.run(nameOf(plugin), () => use(context, caller, plugin, handler, signal));
  return { plugin, handler };
}

/** Takes a plug-in out of use. Rejects with what the handler rejected with, or after its time. */
export async function deregisterPlugin(context: RegistrationContext, { plugin, handler }: Registered): Promise<void> {
  await context.names.run(nameOf(plugin), () => undo(context, plugin, handler));
}

async function use(
  context: RegistrationContext,
  caller: RegistrationCaller,
  plugin: PluginInfo,
  handler: PluginHandler,
  signal: AbortSignal,
): Promise<void> {
  const { clock, timeouts } = context;
  const wanted = () => {
    if (signal.aborted) throw new RegistrationError('its socket vanished meanwhile');
  };
  const failed = (what: string, error: unknown) =>
    refuse(context, caller, `RegisterPlugin error -- plugin ${what} failed with err: ${errorMessage(error)}`);
  wanted(); // while it waited for its name
  try {
    await withDeadline(clock, timeouts.handlerMs, 'validation', signal, () => handler.validate(plugin));
  } catch (error) {
    wanted();
    throw await failed('validation', error);
  }
  wanted();
  try {
    await withDeadline(clock, timeouts.handlerMs, 'registration', signal, (s) => handler.register(plugin, s));
  } catch (error) {
    // A handler that said no has nothing in use; one that was cut off may have.
    if (error instanceof DeadlineError || signal.aborted) await undo(context, plugin, handler).catch(() => {});
    wanted();
    throw await failed('registration', error);
  }
  try {
    wanted();
    // Told only after the handler has it: a plug-in that believes in its registration is really in use.
    await step('NotifyRegistrationStatus', notify(context, caller, { pluginRegistered: true, error: '' }, signal));
  } catch (error) {
    await undo(context, plugin, handler).catch(() => {});
    throw error;
  }
}

async function undo(
  { clock, timeouts }: RegistrationContext,
  plugin: PluginInfo,
  handler: PluginHandler,
): Promise<void> {
  await withDeadline(clock, timeouts.handlerMs, 'deregistration', undefined, (s) => handler.deregister(plugin, s));
}

const nameOf = (plugin: PluginInfo): string => `${plugin.type}/${plugin.name}`;

/** Tells the plug-in why it is not registered; gives the error for everybody else. */
async function refuse(
  context: RegistrationContext,
  caller: RegistrationCaller,
  message: string,
): Promise<RegistrationError> {
  const sentence = cutError(message);
  try {
    await notify(context, caller, { pluginRegistered: false, error: sentence });
    return new RegistrationError(sentence);
  } catch (error) {
    return new RegistrationError(`${sentence}; telling it so failed: ${describe(error)}`, error);
  }
}

async function notify(
  { timeouts }: RegistrationContext,
  caller: RegistrationCaller,
  status: { pluginRegistered: boolean; error: string },
  signal?: AbortSignal,
): Promise<void> {
  await caller.unary('NotifyRegistrationStatus', status, { signal, timeoutMs: timeouts.notifyMs });
}

async function step<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new RegistrationError(`${what} failed: ${describe(error)}`, error);
  }
}

function describe(error: unknown): string {
  const text = error instanceof RpcError ? `${error.grpcCodeName}: ${error.message}` : errorMessage(error);
  return cutError(text);
}
