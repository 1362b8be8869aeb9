// A CSI volume that has grown: its driver grows the file system, and the claim is told.
import { status } from '@grpc/grpc-js';
import type { NodeEvent } from '../../events/event.ts';
import { goQuote } from '../../k8s/goText.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIPersistentVolumeSource, PersistentVolumeClaim } from '../../types/k8s.ts';
import type { WantedStep } from '../persistent/contract.ts';
import { CsiError, unsure } from './csiError.ts';
import { blockPlaces, publishPath, stagingPath } from './names.ts';
import { credentials } from './publish.ts';
import { volumeCapability } from './rules/accessMode.ts';
import {
  bytesOf,
  type ClaimPatch,
  type ExpansionPlan,
  expansionBegins,
  expansionEnded,
  expansionFailed,
  planExpansion,
} from './rules/expansion.ts';
import type { CsiServices } from './services.ts';

const INFEASIBLE = new Set<number>([status.INVALID_ARGUMENT, status.OUT_OF_RANGE, status.NOT_FOUND]);

/** A driver that cannot grow a volume from the node. */
class NotSupported extends CsiError {}

/**
 * Grows what this node has of the volume to the size that it has by now, and says so in the claim's status. A driver that cannot do it
 * while the volume is in use holds nobody up. Other failures go into the claim's conditions, and are thrown in kubelet's words.
 */
export async function expandVolume(
  step: WantedStep,
  services: CsiServices,
  source: CSIPersistentVolumeSource,
): Promise<void> {
  const { spec, volume, pod, event } = step;
  const reference = spec.pv?.spec?.claimRef;
  if (!spec.pv || !reference) return;
  const ref = { namespace: reference.namespace ?? '', name: reference.name ?? '' };
  let claim: PersistentVolumeClaim;
  try {
    claim = await services.claims.get('PersistentVolumeClaim', ref);
  } catch (error) {
    throw unsure(`mountVolume.NodeExpandVolume get PVC failed : ${errorMessage(error)}`, error);
  }
  const plan = planExpansion(claim, spec.pv);
  if (plan.kind === 'done') return;
  const about = `for volume ${goQuote(volume.name)}`;
  const both = (told: NodeEvent) => {
    event(told);
    services.claimEvent(claim, told);
  };
  if (spec.readOnly) {
    const message = `MountVolume.NodeExpandVolume failed ${about} requested read-only file system`;
    both({ type: 'Warning', reason: 'FileSystemResizeFailed', message });
    return;
  }
  const patch = (body: ClaimPatch) =>
    services.claims.patch('PersistentVolumeClaim', ref, 'strategic', body, { subresource: 'status' });
  if (plan.recovers) claim = await patch(expansionBegins(claim));
  try {
    await call(step, services, source, plan.size);
  } catch (error) {
    return await failed(error, { step, services, plan, patch });
  }
  services.failedExpansions.delete(volume.uniqueName);
  const message = `MountVolume.NodeExpandVolume succeeded ${about} ${pod.spec.nodeName ?? services.nodeName}`;
  both({ type: 'Normal', reason: 'FileSystemResizeSuccessful', message });
  try {
    await patch(expansionEnded(claim, plan.size));
  } catch (error) {
    throw unsure(`mountVolume.NodeExpandVolume update pvc status failed: ${errorMessage(error)}`, error);
  }
}

interface Failed {
  readonly step: WantedStep;
  readonly services: CsiServices;
  readonly plan: Extract<ExpansionPlan, { readonly kind: 'expand' }>;
  patch(body: ClaimPatch): Promise<PersistentVolumeClaim>;
}

async function failed(error: unknown, { step, services, plan, patch }: Failed): Promise<void> {
  if (!plan.recovers && error instanceof NotSupported) return;
  const { uniqueName } = step.volume;
  const code = error instanceof CsiError ? error.grpcCode : undefined;
  if (plan.recovers && code !== undefined) {
    const again = plan.changedSince && services.failedExpansions.has(uniqueName);
    services.failedExpansions.add(uniqueName);
    const now = new Date(services.clock.now().wall).toISOString().replace(/\.\d+Z$/, 'Z');
    await patch(expansionFailed(errorMessage(error), INFEASIBLE.has(code) || again, now)).catch((problem) => {
      step.host.log.error('The claim could not be told that its volume did not grow', {
        volume: step.volume.name,
        error: errorMessage(problem),
      });
    });
  }
  // Such a driver grows it once nobody uses it.
  if (code === status.FAILED_PRECONDITION) return;
  throw error;
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
