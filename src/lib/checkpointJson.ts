// The form of checkpoints that are ours alone. Files that the Go kubelet reads too have forms of their own.
import { createHash } from 'node:crypto';
import type { CheckpointFormat } from './checkpointFile.ts';
import { parseObject } from './parseObject.ts';

/**
 * One JSON object: version, SHA-256 of the value's text, value. Another version, another checksum or a value that `check` throws at is
 * refused.
 */
export function checksummedJson<T>(what: string, version: number, check: (value: unknown) => T): CheckpointFormat<T> {
  return {
    what,
    encode(value) {
      const text = JSON.stringify(value);
      return `{"version":${version},"checksum":"${checksum(text)}","value":${text}}\n`;
    },
    decode(text) {
      const file = parseObject(text);
      if (file.version !== version)
        throw new Error(`it has version ${JSON.stringify(file.version)}, and this program knows version ${version}`);
      if (file.checksum !== checksum(JSON.stringify(file.value)))
        throw new Error('its checksum does not fit its content');
      return check(file.value);
    },
  };
}

const checksum = (text: string | undefined): string =>
  createHash('sha256')
    .update(text ?? '')
    .digest('hex');
