import { KubeletError } from '../../errors.ts';
import { DBusConnection, type MethodCall } from '../dbus/connection.ts';
import type { DBusValue, Variant } from '../dbus/signature.ts';

const MANAGER = 'org.freedesktop.login1.Manager';
const OBJECT = '/org/freedesktop/login1';
const CALL_TIMEOUT_MS = 10_000;
const SIGHUP = 1;

/**
 * systemd-logind on the system bus, as far as a node's end needs it (https://systemd.io/INHIBITOR_LOCKS/). One connection: when it has
 * ended another one is made with `connect`. Errors: DBusCallError, DBusClosedError, KubeletError `Logind`.
 */
export class Logind implements Disposable {
  readonly #connection: DBusConnection;

  private constructor(connection: DBusConnection) {
    this.#connection = connection;
  }

  /** Connects to the bus at this socket, and hears of shutdowns from then on. */
  static async connect(socket: string): Promise<Logind> {
    const connection = await DBusConnection.open(socket, CALL_TIMEOUT_MS);
    try {
      const name = 'org.freedesktop.DBus';
      const bus = { destination: name, path: '/org/freedesktop/DBus', interface: name };
      await connection.call({ ...bus, member: 'Hello' }, CALL_TIMEOUT_MS);
      const rule = `type='signal',interface='${MANAGER}',member='PrepareForShutdown',path='${OBJECT}'`;
      await connection.call({ ...bus, member: 'AddMatch', signature: 's', body: [rule] }, CALL_TIMEOUT_MS);
      return new Logind(connection);
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** How long it waits at most for those who hold a delay lock, in milliseconds. */
  async inhibitDelayMs(): Promise<number> {
    const us = await this.#property('InhibitDelayMaxUSec');
    if (typeof us !== 'bigint') throw unexpected('InhibitDelayMaxUSec');
    return Number(us / 1000n);
  }

  /** The machine is about to shut down: locks are waited for, or were. */
  async preparingForShutdown(): Promise<boolean> {
    const preparing = await this.#property('PreparingForShutdown');
    if (typeof preparing !== 'boolean') throw unexpected('PreparingForShutdown');
    return preparing;
  }

  /** Has it read its configuration again; when it has done so nobody says. */
  async reloadConfiguration(): Promise<void> {
    const systemd = {
      destination: 'org.freedesktop.systemd1',
      path: '/org/freedesktop/systemd1',
      interface: 'org.freedesktop.systemd1.Manager',
    };
    await this.#call({
      ...systemd,
      ...{ member: 'KillUnit', signature: 'ssi', body: ['systemd-logind.service', 'all', SIGHUP] },
    });
  }

  /** `true`: the machine shuts down when the last delay lock is released; `false`: it does not after all. */
  onShutdown(listener: (starts: boolean) => void): Disposable {
    return this.#connection.onSignal(({ interface: name, member, path, body }) => {
      if (name !== MANAGER || member !== 'PrepareForShutdown' || path !== OBJECT) return;
      const [starts] = body ?? [];
      if (typeof starts === 'boolean') listener(starts);
    });
  }

  /** Called once, when the connection ends. */
  onClose(listener: (error: Error) => void): Disposable {
    return this.#connection.onClose(listener);
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  async #property(name: string): Promise<DBusValue | undefined> {
    const properties = {
      destination: 'org.freedesktop.login1',
      path: OBJECT,
      interface: 'org.freedesktop.DBus.Properties',
    };
    const [found] = await this.#call({ ...properties, member: 'Get', signature: 'ss', body: [MANAGER, name] });
    return (found as Variant | undefined)?.value;
  }

  #call(call: MethodCall) {
    return this.#connection.call(call, CALL_TIMEOUT_MS);
  }
}

function unexpected(property: string): KubeletError {
  return new KubeletError(`logind's ${property} is of another type than expected; is systemd too old?`, {
    code: 'Logind',
  });
}
