import type { Keyring } from '../rules/credentials.ts';

interface Entry {
  readonly keyring: Keyring;
  readonly bytes: number;
  /** Monotonic ms. */
  readonly expiresAt: number;
}

/** Bytes of answers that one provider's cache holds; the oldest go first. */
const MAX_BYTES = 8 * 1024 * 1024;

/** A provider's answers, until they expire. Tenants choose the keys, so that it is bounded. */
export class CredentialCache {
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  /** How many answers it holds, expired ones too. */
  get size(): number {
    return this.#entries.size;
  }

  get(key: string, now: number): Keyring | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    if (now <= entry.expiresAt) return entry.keyring;
    this.#delete(key, entry);
    return undefined;
  }

  set(key: string, answer: Entry): void {
    const entry = { ...answer, bytes: answer.bytes + 2 * key.length };
    const old = this.#entries.get(key);
    if (old) this.#delete(key, old);
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const [other, one] of this.#entries) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#delete(other, one);
    }
  }

  #delete(key: string, { bytes }: Entry): void {
    this.#entries.delete(key);
    this.#bytes -= bytes;
  }
}
