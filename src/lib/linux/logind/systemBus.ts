import { SYSTEM_BUS_SOCKET } from '../systemd/manager.ts';

/** The socket of the system bus: where DBUS_SYSTEM_BUS_ADDRESS says, if it names a socket by its path, else the usual place. */
export function systemBusSocket(env: Readonly<Record<string, string | undefined>>): string {
  const found = /^unix:(?:[^;]*,)?path=([^,;]+)/.exec(env.DBUS_SYSTEM_BUS_ADDRESS ?? '');
  return found?.[1] === undefined ? SYSTEM_BUS_SOCKET : decodeURIComponent(found[1]);
}
