import { ClaimManager } from '../../dra/claimManager.ts';
import { HealthBook, listenToHealth } from '../../dra/health.ts';
import type { DraPlugin } from '../../dra/plugin.ts';
import { DraPlugins } from '../../dra/plugins.ts';
import { ResourceSlices } from '../../dra/resourceSlices.ts';
import type { PluginHandler } from '../../plugins/handler.ts';
import { claimGauges, claimMetrics } from '../metrics/claimMetrics.ts';
import type { ApiConnection } from './api.ts';
import type { Base } from './preflight.ts';

/** DRA drivers, and the claims that they have prepared. */
export interface DraStage {
  readonly registration: PluginHandler;
  readonly claims: ClaimManager;
}

/**
 * Reads which claims are prepared. Rejects when that cannot be known: devices would be given twice. No driver is registered yet, so the
 * node's ResourceSlices are taken back, beside everything else.
 */
export async function openDra(base: Base, api: ApiConnection | null, stack: AsyncDisposableStack): Promise<DraStage> {
  const { rootDir, table, clock, log, metrics, nodeName, loaded } = base;
  const random = Math.random;
  const client = api?.heartbeat ?? null;
  const slices = client && stack.use(new ResourceSlices({ client, nodeName, clock, log, random }));
  const { onCall, onOperation } = claimMetrics(metrics.metrics);
  const health = loaded.gates.enabled('ResourceHealthStatus') ? stack.use(new HealthBook(clock)) : undefined;
  const plugins = stack.use(
    new DraPlugins({
      log,
      onCall,
      onUsable: (driver, usable) => slices?.usable(driver, usable),
      ...(health && { listen: (plugin: DraPlugin) => listenToHealth(plugin, health, clock, random) }),
    }),
  );
  const claims = stack.use(
    new ClaimManager({
      ...{ rootDir, plugins, client, table, clock, log, random },
      onOperation,
      health,
      healthMessages: loaded.gates.enabled('ResourceHealthStatusMessage'),
    }),
  );
  await claims.load();
  claimGauges(metrics.metrics, claims.held);
  slices?.wipeAll();
  return { registration: plugins, claims };
}
