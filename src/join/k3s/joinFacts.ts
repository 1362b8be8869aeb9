import { textOf } from '../../config/certificates/pairStore.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { readAddressFacts } from '../../node/addressFacts.ts';
import type { JoinOptions } from './options.ts';

const TOKEN_BYTES = 16_384;

/** The text of the token. Rejects with a sentence when its file cannot be read or is too long. */
export async function tokenText({ token }: JoinOptions): Promise<string> {
  if ('text' in token) return token.text;
  try {
    const text = await textOf(token.file);
    if (text !== undefined && text.length <= TOKEN_BYTES) return text;
    throw new Error(text === undefined ? 'there is no such file' : 'it is too long');
  } catch (cause) {
    throw new KubeletError(`no token in ${token.file} (--token-file): ${errorMessage(cause)}`, {
      code: 'TokenFile',
      cause,
    });
  }
}

/** The address of the default route. Rejects with a sentence when there is none. */
export async function defaultAddress(): Promise<string> {
  const { defaultIPv4, defaultIPv6 } = await readAddressFacts();
  const address = defaultIPv4 ?? defaultIPv6;
  if (address !== undefined) return address;
  throw new KubeletError('this machine has no default route, so its address must be said: add --node-ip', {
    code: 'NodeIp',
  });
}
