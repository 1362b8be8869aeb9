import { createHash } from 'node:crypto';
import { type Keyring, keyringOfLogins } from '../rules/credentials.ts';
import type { ProviderAnswer } from '../rules/providerAnswer.ts';
import type { CredentialSource } from '../types.ts';

/** An entry with its key. */
const ENTRY_BYTES = 256;

/** No image and no registry has such a name. */
const GLOBAL = '<global>';
const registryOf = (image: string) => image.split('/', 1)[0]!;

/** What an answer is kept under, besides on whose behalf it was asked. */
export function baseKey({ cacheKeyType }: ProviderAnswer, image: string): string {
  if (cacheKeyType === 'Image') return image;
  return cacheKeyType === 'Registry' ? registryOf(image) : GLOBAL;
}

/** All that an answer for the image may be kept under, the closest first. */
export function baseKeys(image: string): readonly string[] {
  return [image, registryOf(image), GLOBAL];
}

/** The answer's credentials; `source`: on whose behalf they were asked for. */
export function keyringOf({ logins }: ProviderAnswer, source: CredentialSource | undefined): Keyring {
  if (!source) return keyringOfLogins(logins);
  return keyringOfLogins(Object.fromEntries(Object.entries(logins).map(([key, login]) => [key, { ...login, source }])));
}

/** About what an answer takes in memory, in bytes. */
export function bytesOf({ logins }: ProviderAnswer): number {
  const texts = Object.entries(logins).map(
    ([key, { username, password }]) => key.length + username.length + password.length,
  );
  return texts.reduce((sum, length) => sum + 2 * length + ENTRY_BYTES, 8 * ENTRY_BYTES);
}

/** Of one length, whatever the text is. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
