import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { readBounded } from '../lib/readBounded.ts';
import { type Keyring, keyringOfConfigJson, keyringOfDockercfg, lookupAuth } from './rules/credentials.ts';
import type { PullingPod, RegistryLogin } from './types.ts';

/** How long the node's files are believed, as in kubelet. */
const LIFETIME_MS = 300_000;
/** A longer file is left out. */
const MAX_BYTES = 10 * 1024 * 1024;

/** On whose behalf credentials are asked for. */
export interface AuthQuestion {
  readonly pod?: PullingPod;
  readonly signal?: AbortSignal;
  /** Tells which credential providers are being waited for; undefined: none any more. */
  readonly onWait?: (providers: string | undefined) => void;
}

/**
 * Finds credentials for a repository besides those of the Pod's Secrets: the node's own files, then credential providers. Rejects with
 * the signal's reason alone.
 */
export type NodeAuths = (repository: string, question?: AuthQuestion) => Promise<RegistryLogin[]>;

/**
 * The node's own registry credentials: the first `config.json`, else the first `.dockercfg`, that is there and can be read, in
 * kubelet's directories (its root directory, the working directory, the home directory, `/`). They serve every Pod of the node.
 */
export function nodeAuths(
  rootDir: string,
  clock: Clock,
  logger: Logger,
  home = ownHome(),
  root = '/',
): (repository: string) => Promise<RegistryLogin[]> {
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
      const bytes = await readBounded(path, MAX_BYTES).catch(() => undefined);
      if (bytes === undefined) continue;
      try {
        return parse(bytes.toString('utf8'));
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
