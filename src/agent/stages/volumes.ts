import type { Mounter } from '../../lib/linux/mounter.ts';
import { runProgram } from '../../lib/linux/runProgram.ts';
import { FlexDrivers } from '../../volumes/flex/drivers.ts';
import { FlexKind } from '../../volumes/flex/kind.ts';
import { storageOperations } from '../../volumes/metrics.ts';
import { openPersistentVolumes } from '../../volumes/persistent/open.ts';
import type { PersistentVolumes } from '../../volumes/persistent/persistentVolumes.ts';
import { seLinuxCounts } from '../../volumes/seLinuxMetrics.ts';
import type { ApiConnection } from './api.ts';
import type { CsiStage } from './csi.ts';
import type { Base } from './preflight.ts';

/** The volumes that may outlast a Pod, as an earlier kubelet left them, and the drivers below --volume-plugin-dir. */
export async function openVolumes(
  { loaded: { config }, rootDir, clock, log, host, metrics }: Base,
  api: ApiConnection | null,
  { kind: csi, services }: CsiStage,
  stack: AsyncDisposableStack,
): Promise<{ readonly mounter: Mounter; readonly flexDrivers: FlexDrivers; readonly volumes: PersistentVolumes }> {
  const mounter = host.createMounter();
  const flexDrivers = stack.use(new FlexDrivers(config.volumePluginDir, runProgram));
  const volumes = stack.use(
    openPersistentVolumes({
      ...{ rootDir, mounter, clock, log },
      onOperation: storageOperations(metrics.metrics),
      seLinuxCounts: seLinuxCounts(metrics.metrics),
      ...(csi && { csi }),
      flexVolume: new FlexKind(flexDrivers, config.volumePluginDir, api !== null),
      expansion: services,
    }),
  );
  await volumes.rebuild();
  return { mounter, flexDrivers, volumes };
}
