import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { goQuote } from '../k8s/goText.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { allEntries } from '../lib/linux/directoryEntries.ts';
import { ignoring } from '../lib/linux/linuxError.ts';
import { readBoundedIfThere } from '../lib/readBounded.ts';
import { writeAtomically } from '../lib/writeAtomically.ts';
import type { Pod } from '../types/k8s.ts';
import { IdRanges } from './rules/idRanges.ts';
import { checkIdSpace, IDS_UNIT, type IdSpace } from './rules/idSpace.ts';
import { decodeMappings, encodeMappings, mappingsOf, type UserNamespaceIds } from './rules/mappingsFile.ts';

/** Name of a Pod's file in its directory; the Go kubelet reads and writes it, too. */
const FILE = 'userns';
/** As the Go kubelet's file store makes it. */
const FILE_MODE = 0o600;
/** A longer file was not written by a kubelet. */
const MAX_BYTES = 64 * 1024;

/** The node, as far as its ids depend on it. */
export interface UserNamespacesOptions {
  /** `<root>/pods`. */
  readonly podsDir: string;
  readonly maxPods: number;
  /** KubeletConfiguration userNamespaces.idsPerPod; default 65536. */
  readonly idsPerPod?: number;
  /** Which ids the node may give. */
  readonly ids: (idsPerPod: number) => Promise<IdSpace>;
  /** Whether a runtime handler has user namespaces; undefined when the runtime tells of others and not of this one. */
  readonly supports: (handler: string) => boolean | undefined;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** Who has which user and group ids on this node: the Pods with hostUsers: false. What a Pod was given is on disk before it is used. */
export class UserNamespaces {
  readonly #options: UserNamespacesOptions;
  readonly #ranges: IdRanges;
  /** Files that are being written, by UID: all who ask for a Pod's ids wait for the same one. */
  readonly #writing = new Map<string, Promise<void>>();

  private constructor(options: UserNamespacesOptions, ranges: IdRanges) {
    this.#options = options;
    this.#ranges = ranges;
  }

  /**
   * Takes over what Pods' directories say, of this kubelet or of Go's. Rejects with kubelet's sentence when the node's ids cannot be
   * divided, or when a file cannot be read or does not fit: what is not known to be free must not be given away.
   */
  static async open(options: UserNamespacesOptions): Promise<UserNamespaces> {
    const { idsPerPod = IDS_UNIT, podsDir, maxPods } = options;
    try {
      const space = await options.ids(idsPerPod).catch((error) => {
        throw new Error(`kubelet mappings: ${errorMessage(error)}`, { cause: error });
      });
      checkIdSpace(space, idsPerPod, maxPods);
      const made = new UserNamespaces(options, new IdRanges(space, idsPerPod));
      const entries = (await ignoring(['ENOENT'], () => allEntries(podsDir))) ?? [];
      const uids = entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name.toString());
      for (const uid of uids.sort()) await made.#recall(uid);
      return made;
    } catch (error) {
      throw new KubeletError(`create user namespace manager: ${errorMessage(error)}`, {
        code: 'UserNamespacesUnusable',
        cause: error,
      });
    }
  }

  /** The ids of a Pod that was given some. */
  of(uid: string): UserNamespaceIds | null {
    const first = this.#ranges.of(uid);
    return first === undefined ? null : mappingsOf(first, this.#ranges.idsPerPod);
  }

  /**
   * Gives a Pod with hostUsers: false its ids, unless it has them, and resolves when they are on disk; its directory must exist. Others
   * get none. Rejects with kubelet's sentence when the runtime's `handler` has no user namespaces, or no ids are left.
   */
  async ensure(pod: Pod, handler: string): Promise<void> {
    if (pod.spec?.hostUsers !== false) return;
    this.#refuseWithout(handler);
    const uid = pod.metadata?.uid ?? '';
    const writing = this.#writing.get(uid);
    if (writing) return writing;
    if (this.#ranges.of(uid) !== undefined) return;
    const made = this.#give(uid).finally(() => this.#writing.delete(uid));
    this.#writing.set(uid, made);
    return made;
  }

  /** The Pod's ids are free for others: nothing of it runs any more. Harmless when it has none. */
  async release(uid: string): Promise<void> {
    await this.#writing.get(uid)?.catch(() => {}); // whoever asked for them hears of it
    if (this.#ranges.of(uid) === undefined) return;
    // First the file: if it came back after a restart, so would the claim on a range that somebody else has by then.
    await ignoring(['ENOENT', 'ENOTDIR'], () => rm(this.#file(uid)));
    this.#ranges.release(uid);
  }

  async #give(uid: string): Promise<void> {
    try {
      const first = this.#ranges.take(uid, this.#options.random());
      await writeAtomically(this.#file(uid), encodeMappings(mappingsOf(first, this.#ranges.idsPerPod)), FILE_MODE);
      await syncDirectory(join(this.#options.podsDir, uid));
    } catch (error) {
      await rm(this.#file(uid), { force: true }).catch(() => {}); // the disk that takes no file may take no removal either
      this.#ranges.release(uid);
      throw new Error(`create user namespace: ${errorMessage(error)}`, { cause: error });
    }
  }

  async #recall(uid: string): Promise<void> {
    const path = this.#file(uid);
    try {
      const bytes = await readBoundedIfThere(path, MAX_BYTES);
      // An empty file is none, for Go as well.
      if (!bytes?.length) return;
      const { hostId, length } = decodeMappings(bytes.toString());
      this.#ranges.record(uid, hostId, length);
    } catch (error) {
      const remedy = `mend the file ${path}, or remove it when no container of this Pod runs`;
      const message = `record pod mappings for existing pod ${goQuote(uid)}: ${errorMessage(error)}; ${remedy}`;
      throw new Error(message, { cause: error });
    }
  }

  #refuseWithout(handler: string): void {
    const supported = this.#options.supports(handler);
    if (supported) return;
    const who = handler === '' ? 'runtime' : `RuntimeClass handler ${goQuote(handler)}`;
    const unknown = supported === undefined ? `: the handler ${goQuote(handler)} is not known` : '';
    throw new Error(`can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces${unknown}`);
  }

  #file(uid: string): string {
    return join(this.#options.podsDir, uid, FILE);
  }
}

/** A rename is on the disk when its directory is. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
