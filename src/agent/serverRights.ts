import type { LoadedConfiguration } from '../config/load.ts';
import { ConfigurationError, type Problem } from '../config/problem.ts';

/**
 * Throws when the server would have to ask the API server who may do what and there is none (standalone): kubelet does not start
 * either. Each problem says what to set.
 */
export function refuseUnaskable({ config, options }: Pick<LoadedConfiguration, 'config' | 'options'>): void {
  if (options.kubeconfig !== '' || !config.enableServer) return;
  const problems: Problem[] = [];
  if (config.authentication.webhook.enabled)
    problems.push({
      path: 'authentication.webhook.enabled',
      sentence:
        'must be false without --kubeconfig: no client provided, cannot use webhook authentication' +
        ' (--authentication-token-webhook=false)',
    });
  if (config.authorization.mode === 'Webhook')
    problems.push({
      path: 'authorization.mode',
      sentence:
        'must be AlwaysAllow without --kubeconfig: no client provided, cannot use webhook authorization' +
        ' (--authorization-mode=AlwaysAllow, or --enable-server=false for no server at all)',
    });
  if (problems.length > 0) throw new ConfigurationError(problems);
}
