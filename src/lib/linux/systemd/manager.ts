import { existsSync } from 'node:fs';
import { KubeletError } from '../../errors.ts';
import { DBusCallError, DBusClosedError, DBusConnection } from '../dbus/connection.ts';
import type { DBusValue, Variant } from '../dbus/signature.ts';
import { JobWatch } from './jobWatch.ts';

/** Unit properties by name, as `systemctl show` names them. */
export type UnitProperties = Readonly<Record<string, Variant>>;

/** systemd's own socket: root only, no bus between, and signals come without asking. */
export const PRIVATE_SOCKET = '/run/systemd/private';
/** The system bus: where the private socket is absent, as in a container that was given the bus. */
export const SYSTEM_BUS_SOCKET = '/run/dbus/system_bus_socket';

const OBJECT = '/org/freedesktop/systemd1';
const MANAGER = 'org.freedesktop.systemd1.Manager';
const PROPERTIES = 'org.freedesktop.DBus.Properties';
const CALL_TIMEOUT_MS = 10_000;
/** A job for a slice takes milliseconds; during a daemon-reload it waits for that. */
const JOB_TIMEOUT_MS = 30_000;

/** Where systemd answers. */
export interface SystemdSockets {
  /** systemd itself at the other end; taken if it exists. */
  readonly direct: string;
  readonly bus: string;
}

interface Link {
  readonly connection: DBusConnection;
  readonly jobs: JobWatch;
  readonly destination?: string;
}

/**
 * systemd's manager object, as far as the kubelet uses it. It connects when first used and again after the connection was lost (a
 * daemon-reexec ends it). Errors: DBusCallError, DBusClosedError, KubeletError `SystemdJob`.
 */
export class SystemdManager implements Disposable {
  readonly #sockets: SystemdSockets;
  #link: Promise<Link> | undefined;
  #version: number | undefined;
  #disposed = false;

  constructor(sockets: SystemdSockets = { direct: PRIVATE_SOCKET, bus: SYSTEM_BUS_SOCKET }) {
    this.#sockets = sockets;
  }

  /** Starts a unit made of these properties and waits for it. False when a unit of this name exists; it is left as it is. */
  async startTransientUnit(name: string, properties: UnitProperties): Promise<boolean> {
    const list = propertyList(properties);
    try {
      await this.#job(name, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', [name, 'replace', list, []]);
      return true;
    } catch (error) {
      if (isCallError(error, 'UnitExists')) return false;
      throw error;
    }
  }

  /** Sets properties until the next boot. */
  async setUnitProperties(name: string, properties: UnitProperties): Promise<void> {
    await this.#call('SetUnitProperties', 'sba(sv)', [name, true, propertyList(properties)]);
  }

  /** systemd's version, such as 257; 0 when it cannot be understood. Asked once: an update counts at the next start. */
  async version(): Promise<number> {
    this.#version ??= await this.#linked(async ({ connection, destination }) => {
      const to = destination === undefined ? {} : { destination };
      const property = { interface: PROPERTIES, member: 'Get', signature: 'ss', body: [MANAGER, 'Version'] };
      const [found] = await connection.call({ ...to, path: OBJECT, ...property }, CALL_TIMEOUT_MS);
      // "257.9-1~deb13u1"; older ones begin with a "v".
      return Number(/\d+/.exec(String((found as Variant | undefined)?.value))?.[0] ?? 0);
    });
    return this.#version;
  }

  /** Stops a unit with all that depend on it, waits for it, and forgets its failure. Fine if there is none. */
  async stopUnit(name: string): Promise<void> {
    try {
      await this.#job(name, 'StopUnit', 'ss', [name, 'replace']);
    } catch (error) {
      if (isCallError(error, 'NoSuchUnit')) return;
      throw error;
    }
    await this.#call('ResetFailedUnit', 's', [name]).catch((error: unknown) => {
      // A unit that did not fail is forgotten the moment it stops.
      if (!isCallError(error, 'NoSuchUnit')) throw error;
    });
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    const link = this.#link;
    this.#link = undefined;
    link?.then(
      (open) => open.connection[Symbol.dispose](),
      () => {},
    );
  }

  /** Calls a method that answers with a job, and waits until systemd says how the job ended. */
  async #job(unit: string, member: string, signature: string, body: readonly DBusValue[]): Promise<void> {
    const result = await this.#linked((link) =>
      link.jobs.run(async () => String((await call(link, member, signature, body))[0])),
    );
    // "skipped": nothing was to be done.
    if (result === 'done' || result === 'skipped') return;
    throw new KubeletError(`systemd's ${member} of ${unit} ended with "${result}"; see: systemctl status ${unit}`, {
      code: 'SystemdJob',
    });
  }

  async #call(member: string, signature: string, body: readonly DBusValue[]): Promise<void> {
    await this.#linked((link) => call(link, member, signature, body));
  }

  /** Once more with a new connection when the old one had ended: every call here may be made twice. */
  async #linked<T>(use: (link: Link) => Promise<T>): Promise<T> {
    const known = this.#link !== undefined;
    const link = await this.#connected();
    try {
      return await use(link);
    } catch (error) {
      if (!(error instanceof DBusClosedError) || !link.connection.closed || !known) throw error;
      return use(await this.#connected());
    }
  }

  async #connected(): Promise<Link> {
    if (this.#disposed) throw new DBusClosedError('the connection to systemd is no longer used');
    const open = await this.#link?.catch(() => undefined);
    if (open && !open.connection.closed) return open;
    const next = openLink(this.#sockets);
    this.#link = next;
    next.catch(() => {
      if (this.#link === next) this.#link = undefined;
    });
    return next;
  }
}

async function openLink({ direct, bus }: SystemdSockets): Promise<Link> {
  const socket = [direct, bus].find((path) => existsSync(path));
  if (socket === undefined) {
    throw new KubeletError(`systemd is not reachable: neither ${direct} nor ${bus} exists; is it running here?`, {
      code: 'DBus',
    });
  }
  const connection = await DBusConnection.open(socket, CALL_TIMEOUT_MS);
  const link = { connection, jobs: new JobWatch(connection, JOB_TIMEOUT_MS) };
  return socket === direct ? link : joinBus(link);
}

/** A bus wants to be greeted, and forwards signals only to those who asked for them. */
async function joinBus(link: Link): Promise<Link> {
  const bus = { destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };
  await link.connection.call({ ...bus, member: 'Hello' }, CALL_TIMEOUT_MS);
  const rule = `type='signal',sender='org.freedesktop.systemd1',interface='${MANAGER}',member='JobRemoved'`;
  await link.connection.call({ ...bus, member: 'AddMatch', signature: 's', body: [rule] }, CALL_TIMEOUT_MS);
  const joined = { ...link, destination: 'org.freedesktop.systemd1' };
  await call(joined, 'Subscribe', '', []);
  return joined;
}

function call(link: Link, member: string, signature: string, body: readonly DBusValue[]) {
  const { connection, destination } = link;
  const to = destination === undefined ? {} : { destination };
  return connection.call({ ...to, path: OBJECT, interface: MANAGER, member, signature, body }, CALL_TIMEOUT_MS);
}

function propertyList(properties: UnitProperties): DBusValue[] {
  return Object.entries(properties);
}

function isCallError(error: unknown, name: string): boolean {
  return error instanceof DBusCallError && error.errorName === `org.freedesktop.systemd1.${name}`;
}
