import { DeviceManager } from '../../devices/deviceManager.ts';
import { isNewDisk, markNew } from '../../node/pastDevices.ts';
import { deviceMetrics } from '../metrics/deviceMetrics.ts';
import type { Base } from './preflight.ts';

/** Reads who has which device, and opens kubelet's socket for device plug-ins: before the Node can be Ready, and before any Pod asks. */
export async function openDevices(base: Base, stack: AsyncDisposableStack): Promise<DeviceManager> {
  const { rootDir, table, clock, log, metrics } = base;
  if (await isNewDisk(rootDir)) await markNew(rootDir);
  const devices = stack.use(new DeviceManager({ rootDir, table, clock, log, ...deviceMetrics(metrics.metrics) }));
  await devices.load();
  await devices.serve();
  return devices;
}
