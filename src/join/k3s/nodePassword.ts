import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { textOf } from '../../config/certificates/pairStore.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { writeAtomically } from '../../lib/writeAtomically.ts';

/** Where k3s' agents keep what a node's name is held with. */
export const NODE_PASSWORD_FILE = '/etc/rancher/node/password';

/**
 * The password by which the server knows this machine as the owner of its node's name: made at the first join, kept for ever. `old` is
 * where early versions of k3s had it; it moves. Never log it.
 */
export async function nodePassword(file: string, old: string): Promise<string> {
  const kept = await textOf(file);
  if (kept !== undefined) return checked(kept, file);
  const before = await textOf(old);
  const password = before === undefined ? randomBytes(16).toString('hex') : checked(before, old);
  await write(file, `${password}\n`);
  if (before !== undefined) await rm(old, { force: true });
  return password;
}

/** Eight hex digits that make a node's name its own (`--with-node-id`), kept beside the password. */
export async function nodeId(file: string): Promise<string> {
  const kept = (await textOf(file))?.trim();
  if (kept !== undefined) {
    if (/^[0-9a-z]{1,32}$/.test(kept)) return kept;
    throw new KubeletError(
      `${file} must hold the id of the node (hex digits) and does not: remove it, and a new one is made`,
      {
        code: 'NodeId',
      },
    );
  }
  const id = randomBytes(4).toString('hex');
  await write(file, `${id}\n`);
  return id;
}

function checked(text: string, file: string): string {
  const password = text.trim();
  if (/^[\x21-\x7e]{1,256}$/.test(password)) return password;
  throw new KubeletError(
    `${file} must hold the node's password (one word) and does not: put back what was in it, or remove it and delete the Node, so that the server takes a new one`,
    { code: 'NodePassword' },
  );
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeAtomically(file, text);
  } catch (cause) {
    throw new KubeletError(`${file} cannot be written: ${errorMessage(cause)}`, { code: 'NodePassword', cause });
  }
}
