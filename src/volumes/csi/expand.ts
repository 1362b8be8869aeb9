// A CSI volume that has grown: its driver grows the file system, and the claim is told.
import { status } from '@grpc/grpc-js';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIPersistentVolumeSource } from '../../types/k8s.ts';
import type { WantedStep } from '../persistent/contract.ts';
import { type GrowthFailure, growVolume } from '../persistent/expansion.ts';
import { bytesOf } from '../persistent/rules/expansion.ts';
import { CsiError } from './csiError.ts';
import { blockPlaces, publishPath, stagingPath } from './names.ts';
import { credentials } from './publish.ts';
import { volumeCapability } from './rules/accessMode.ts';
import type { CsiServices } from './services.ts';

const INFEASIBLE = new Set<number>([status.INVALID_ARGUMENT, status.OUT_OF_RANGE, status.NOT_FOUND]);

/** A driver that cannot grow a volume from the node. */
class NotSupported extends CsiError {}

/** Has the driver grow what this node has of the volume, and tells the claim. */
export function expandVolume(
  step: WantedStep,
  services: CsiServices,
  source: CSIPersistentVolumeSource,
): Promise<void> {
  return growVolume(step, services, { grow: (size) => call(step, services, source, size), judge });
}

function judge(error: unknown): GrowthFailure {
  const code = error instanceof CsiError ? error.grpcCode : undefined;
  return {
    unsupported: error instanceof NotSupported,
    final: code !== undefined,
    infeasible: code !== undefined && INFEASIBLE.has(code),
    // Such a driver grows it once nobody uses it.
    later: code === status.FAILED_PRECONDITION,
  };
}

async function call(
  { host, spec, volume, pod }: WantedStep,
  services: CsiServices,
  source: CSIPersistentVolumeSource,
  size: string,
): Promise<void> {
  const { driver: driverName, volumeHandle } = source;
  const driver = services.drivers.require(driverName);
  const can = await driver.capabilities();
  if (!can.has('EXPAND_VOLUME'))
    throw new NotSupported(`NodeExpand is not supported by the CSI driver ${driverName}`, 'refused');
  const what = 'expander.NodeExpand failed to get NodeExpandSecretRef';
  const secrets = await credentials(services, source.nodeExpandSecretRef, what);
  const block = volume.mode === 'Block';
  const places = block ? blockPlaces(host.root, volume.name, pod.metadata.uid) : undefined;
  try {
    await driver.expand({
      volumeId: volumeHandle,
      volumePath: places?.publish ?? publishPath(host.root, pod.metadata.uid, volume.name),
      stagingTargetPath: places?.staging ?? stagingPath(host.root, driverName, volumeHandle),
      capacityRange: { requiredBytes: bytesOf(size) },
      secrets,
      volumeCapability: volumeCapability({
        accessMode: spec.pv?.spec?.accessModes?.[0] ?? 'ReadWriteOnce',
        singleNodeMultiWriter: can.has('SINGLE_NODE_MULTI_WRITER'),
        block,
        fsType: source.fsType ?? '',
        mountOptions: spec.pv?.spec?.mountOptions ?? [],
      }),
    });
  } catch (error) {
    const { outcome } = error as CsiError;
    throw new CsiError(`Expander.NodeExpand failed to expand the volume : ${errorMessage(error)}`, outcome, error);
  }
}
