import { close } from 'node:fs';
import { bindLibc, callLibc, type LibcFunction } from './libc.ts';
import { unixAddress } from './unixAddress.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
let functions: { socket: LibcFunction; sendto: LibcFunction } | undefined;

/**
 * Sends one datagram to a unix socket (node:dgram knows only UDP): systemd's notification protocol, sd_notify(3). A name that starts
 * with `@` is in the abstract namespace. Rejects with a LinuxError.
 */
export async function sendUnixDatagram(name: string, text: string): Promise<void> {
  functions ??= {
    socket: bindLibc('int socket(int domain, int type, int protocol)'),
    sendto: bindLibc(
      'long sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)',
    ),
  };
  const failure = (syscall: string) => ({ syscall, path: name });
  const fd = await callLibc(functions.socket, [AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0], failure('socket'));
  try {
    const data = Buffer.from(text);
    const address = unixAddress(name);
    await callLibc(functions.sendto, [fd, data, data.length, MSG_NOSIGNAL, address, address.length], failure('sendto'));
  } finally {
    close(fd, () => {});
  }
}
