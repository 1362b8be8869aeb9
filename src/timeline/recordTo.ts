import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TraceRecord } from './recorder.ts';

/**
 * Writes every decision of every Pod to `<dir>/<uid>.jsonl`, one record a line, for `kubelet-ts replay`. Meant for tests and
 * bug hunts: the files grow for ever.
 */
export function recordTo(dir: string): (uid: string, record: TraceRecord) => void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const streams = new Map<string, ReturnType<typeof createWriteStream>>();
  return (uid, record) => {
    let stream = streams.get(uid);
    if (!stream) {
      stream = createWriteStream(join(dir, `${uid.replaceAll(/[^A-Za-z0-9-]/g, '_')}.jsonl`), {
        flags: 'a',
        mode: 0o600,
      });
      streams.set(uid, stream);
    }
    stream.write(`${JSON.stringify(record)}\n`);
  };
}
