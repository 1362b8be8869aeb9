/** State LISTEN in the kernel's tables of sockets. */
const LISTEN = '0A';

/** TCP ports that somebody listens on, of the text of /proc/net/tcp or tcp6. */
export function listeningPorts(table: string): number[] {
  const [, ...lines] = table.trimEnd().split('\n');
  return lines.flatMap((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16);
    return state === LISTEN && Number.isInteger(port) ? [port] : [];
  });
}
