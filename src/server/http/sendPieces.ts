import type { Exchange } from './exchange.ts';
import { writeSlowly } from './exchange.ts';

/** Sends a body piece by piece. Each is made when the one before has been taken, and other work has its turn between them. */
export async function sendPieces(
  { response, method, signal }: Pick<Exchange, 'response' | 'method' | 'signal'>,
  type: string,
  pieces: Iterable<string>,
): Promise<void> {
  response.writeHead(200, { 'content-type': type, 'x-content-type-options': 'nosniff' });
  if (method !== 'HEAD') {
    for (const piece of pieces) {
      if (signal.aborted) return;
      await writeSlowly(response, Buffer.from(piece), signal);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  response.end();
}
