import type { Clock } from '../../lib/clock.ts';
import { asyncDisposable } from '../../lib/disposables.ts';
import type { Logger } from '../../lib/logger.ts';
import { Turns } from '../../lib/turns.ts';
import { untilAborted } from '../../lib/untilAborted.ts';
import type { AuthQuestion, NodeAuths } from '../nodeAuths.ts';
import { lookupAuth, unite } from '../rules/credentials.ts';
import type { ProviderConfig } from '../rules/providerConfig.ts';
import { execProvider, type ProviderRequest } from './execProvider.ts';
import { CredentialProvider, type ServiceAccounts } from './provider.ts';

export interface ProvidersOptions {
  readonly configs: readonly ProviderConfig[];
  readonly binDir: string;
  readonly accounts: ServiceAccounts;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onRun?: (provider: string, seconds: number, failed: boolean) => void;
}

/** Programs of one provider at the same time; tenants choose the images, and each is a question of its own. */
const AT_ONCE = 32;

/**
 * Credential providers as one more source of credentials: all that match are asked side by side, and what the earlier one in the
 * configuration gave is tried first. One that hangs holds up the pulls that it matches, for a minute. Disposing ends the programs.
 */
export function credentialProviders(options: ProvidersOptions): NodeAuths & AsyncDisposable {
  const { configs, binDir, accounts, clock, log, onRun } = options;
  const ended = new AbortController();
  const providers = configs.map((config) => {
    const turns = new Turns(AT_ONCE);
    const run = (seconds: number, failed: boolean) => onRun?.(config.name, seconds, failed);
    const exec = (request: ProviderRequest) =>
      turns.take(() => execProvider(request, { config, binDir, clock, signal: ended.signal, onRun: run }));
    return new CredentialProvider({ config, exec, accounts, clock, log });
  });
  const lookUp = async (repository: string, { pod, signal, onWait }: AuthQuestion = {}) => {
    const asked = providers.filter((one) => one.isFor(repository));
    if (asked.length === 0) return [];
    onWait?.(asked.map(({ name }) => name).join(', '));
    try {
      const keyrings = await untilAborted(Promise.all(asked.map((one) => one.provide(repository, pod))), signal);
      return lookupAuth(unite(keyrings), repository);
    } finally {
      onWait?.(undefined);
    }
  };
  return Object.assign(
    lookUp,
    asyncDisposable(async () => ended.abort()),
  );
}
