const AF_UNIX = 1;

/** The longest path of a unix socket, in bytes: `sun_path` has 108, and the last one ends the text. */
export const MAX_SOCKET_PATH = 107;

/** What is wrong with `path` as a socket's, as the end of a sentence; undefined when it fits. */
export function socketPathProblem(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (path.includes('\0')) return 'must not contain a NUL byte';
  return bytes <= MAX_SOCKET_PATH
    ? undefined
    : `must not be longer than ${MAX_SOCKET_PATH} bytes, the most that a unix socket's path can have (it has ${bytes})`;
}

/** struct sockaddr_un: the family in the machine's byte order (Node runs on little-endian ones only), then the name. `@` begins an abstract one. */
export function unixAddress(name: string): Buffer {
  const path = name.startsWith('@') ? Buffer.from(`\0${name.slice(1)}`) : Buffer.from(`${name}\0`);
  return Buffer.concat([Buffer.from([AF_UNIX, 0]), path]);
}
