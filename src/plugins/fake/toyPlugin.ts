// A plug-in for tests: serves Registration on a socket, says what it is told to say, and writes down what it was told.
import { type RpcServer, startRpcServer } from '../../rpc/server.ts';
import { serveService } from '../../rpc/service.ts';
import type { PluginInfo, RegistrationStatusOut } from '../generated/registration/registration.ts';
import { registrationProtocol } from '../protocols/registration.ts';

export interface ToyOptions {
  /** What GetInfo answers. A function may hang or throw. */
  readonly info: PluginInfo | (() => PluginInfo | Promise<PluginInfo>);
  /** Runs when a status arrives; may throw. */
  readonly onNotify?: (status: RegistrationStatusOut) => void;
}

/** A toy plug-in that serves. Disposing it removes its socket. */
export interface ToyPlugin extends AsyncDisposable {
  /** Each registration status it was told, in order. */
  readonly told: RegistrationStatusOut[];
  /** How often it was asked who it is. */
  readonly asked: () => number;
  readonly server: RpcServer;
}

/** Starts a toy plug-in on a new socket. */
export async function startToyPlugin(path: string, options: ToyOptions): Promise<ToyPlugin> {
  const told: RegistrationStatusOut[] = [];
  let asked = 0;
  const service = serveService(registrationProtocol, 'pluginregistration.Registration', {
    GetInfo: () => {
      asked += 1;
      return typeof options.info === 'function' ? options.info() : options.info;
    },
    NotifyRegistrationStatus: (status) => {
      told.push(status);
      options.onNotify?.(status);
      return {};
    },
  });
  const server = await startRpcServer({ path, services: [service] });
  return { told, asked: () => asked, server, [Symbol.asyncDispose]: () => server.close() };
}
