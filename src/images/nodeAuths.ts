import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AuthConfig } from '../cri/generated/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type Keyring, keyringOfConfigJson, keyringOfDockercfg, lookupAuth } from './rules/credentials.ts';

/** How long the node's files are believed, as in kubelet. */
const LIFETIME_MS = 300_000;

/** Finds the node's own credentials for a repository; they come after those of the Pod. Rejects never. */
export type NodeAuths = (repository: string) => Promise<AuthConfig[]>;

/**
 * The node's own registry credentials: the first `config.json`, else the first `.dockercfg`, that is there and can be read, in
 * kubelet's directories (its root directory, the working directory, the home directory, `/`). They serve every Pod of the node.
 */
export function nodeAuths(rootDir: string, clock: Clock, logger: Logger, home = ownHome(), root = '/'): NodeAuths {
  const files = [
    ...[rootDir, '.', join(home, '.docker'), join(root, '.docker')].map((dir) => ({
      path: join(dir, 'config.json'),
      parse: keyringOfConfigJson,
    })),
    ...[rootDir, '.', home, root].map((dir) => ({ path: join(dir, '.dockercfg'), parse: keyringOfDockercfg })),
  ];
  let keyring: Promise<Keyring> | undefined;
  let readAt = 0;
  const read = async (): Promise<Keyring> => {
    for (const { path, parse } of files) {
      const text = await readFile(path, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      try {
        return parse(text);
      } catch {
        // The parser's own message quotes the text, which holds passwords.
        logger.warn('Registry credentials of the node cannot be read: the file is not valid JSON', { path });
      }
    }
    return new Map();
  };
  return async (repository) => {
    const now = clock.now().mono;
    if (!keyring || now - readAt >= LIFETIME_MS) {
      keyring = read();
      readAt = now;
    }
    return lookupAuth(await keyring, repository);
  };
}

/** Without $HOME and without an entry in /etc/passwd, as in a container image made of nothing, there is no home: `/` is read anyway. */
function ownHome(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}
