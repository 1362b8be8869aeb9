import { createHmac, randomBytes } from 'node:crypto';
import type { Payload } from './rules/payload.ts';

/**
 * A digest of paths, modes and contents. Keyed with a value that lives as long as this process, so that a recorded digest does not let
 * anyone test guesses of a short secret.
 */
export function createDigester(key: Uint8Array = randomBytes(32)): (payload: Payload) => string {
  return (payload) => {
    const hmac = createHmac('sha256', key);
    for (const path of [...payload.keys()].sort()) {
      const file = payload.get(path)!;
      hmac.update(`${Buffer.byteLength(path)}:${path}:${file.mode}:${file.owner ?? ''}:${file.bytes.byteLength}:`);
      hmac.update(file.bytes);
    }
    return hmac.digest('hex').slice(0, 32);
  };
}
