import { close } from 'node:fs';
import { bindPrivateSocket } from '../linux/privateSocket.ts';

/** A socket as a killed process leaves it: the file is there, and nobody listens. */
export async function staleSocket(path: string): Promise<{ socket: string }> {
  const { fd } = await bindPrivateSocket(path);
  await new Promise((closed) => close(fd, closed));
  return { socket: path };
}
