import { lstat, mkdir, open, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { KubeletError } from '../../lib/errors.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';
import { type KeyPair, readPair } from './keyPair.ts';

/**
 * Certificate pairs on disk as kubelet keeps them: `NAME-<date>.pem` holds a chain and its key, the link `NAME-current.pem` leads to
 * the pair in force. Old files stay, as with kubelet. A link is replaced by rename, so there is always one.
 */
export class PairStore {
  readonly #directory: string;
  readonly #name: string;
  readonly #fallback: { cert: string; key: string } | undefined;

  /** `name` is `kubelet-client` or `kubelet-server`; `fallback` are files to take the first pair from. */
  constructor(directory: string, name: string, fallback?: { cert: string; key: string }) {
    this.#directory = resolve(directory);
    this.#name = name;
    this.#fallback = fallback;
  }

  get currentPath(): string {
    return join(this.#directory, `${this.#name}-current.pem`);
  }

  /** The pair in force, valid or not; undefined when there is none. Throws when a file is there and cannot be used. */
  async current(): Promise<KeyPair | undefined> {
    const path = this.currentPath;
    const combined = (await textOf(path)) ?? (await this.#interrupted());
    if (combined !== undefined) return readPair(combined, combined, path);
    const old = { cert: this.#file('crt'), key: this.#file('key') };
    for (const { cert, key } of this.#fallback ? [this.#fallback, old] : [old]) {
      const [certText, keyTexts] = [await textOf(cert), await textOf(key)];
      if (certText !== undefined && keyTexts !== undefined) return readPair(certText, keyTexts, cert);
    }
    return undefined;
  }

  /** Writes a new pair and points the link at it. `wall` names the file. Returns the pair as read back. */
  async update(cert: string, key: string, wall: number): Promise<KeyPair> {
    const pair = readPair(cert, key, 'the answer of the signer');
    await mkdir(this.#directory, { recursive: true, mode: 0o755 });
    const path = join(this.#directory, `${this.#name}-${fileDate(wall)}.pem`);
    await writeSecret(path, pair.cert + pair.key);
    await this.#point(path);
    return pair;
  }

  async #point(target: string): Promise<void> {
    const updated = join(this.#directory, `${this.#name}-updated.pem`);
    for (const path of [this.currentPath, updated]) await refuseFile(path);
    await rm(updated, { force: true });
    await symlink(target, updated);
    await rename(updated, this.currentPath);
  }

  /** The Go kubelet removes the old link first; if it was killed then, only the link to be renamed is there. */
  async #interrupted(): Promise<string | undefined> {
    const updated = join(this.#directory, `${this.#name}-updated.pem`);
    const text = await textOf(updated);
    if (text !== undefined) await rename(updated, this.currentPath);
    return text;
  }

  #file(extension: string): string {
    return join(this.#directory, `${this.#name}.${extension}`);
  }
}

/** `2026-11-21-19-07-11`, in the node's time zone as kubelet has it. */
function fileDate(wall: number): string {
  const d = new Date(wall);
  const parts = [d.getFullYear(), d.getMonth() + 1, d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()];
  return parts.map((part) => String(part).padStart(2, '0')).join('-');
}

/** Writes a file that only its owner may read and waits until the disk has it. */
export async function writeSecret(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', 0o600);
  await file.chmod(0o600);
  await file.writeFile(text);
  await file.sync();
}

/** The text of a file, or undefined when there is none. */
export async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function refuseFile(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isSymbolicLink()) return;
  } catch (error) {
    if (errnoCode(error) === 'ENOENT') return;
    throw error;
  }
  throw new KubeletError(`${path} must be a symbolic link to the certificate in force and is a file: move it away`, {
    code: 'CertificateLayout',
  });
}
