// A CSI volume for one Pod: what is told to the driver, and what is noted on disk before it.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIDriver, SecretReference, StoredPod } from '../../types/k8s.ts';
import type { VolumeContext } from '../contract.ts';
import { CsiError, csiSays, unsent, unsure } from './csiError.ts';
import { attachmentName } from './names.ts';
import { podTokens } from './podTokens.ts';
import { volumeCapability } from './rules/accessMode.ts';
import { fsGroupPolicy, nodeChangesGroup } from './rules/fsGroup.ts';
import { type LifecycleMode, modeProblem, podInfo } from './rules/podInfo.ts';
import { type CsiServices, csiDriverObject } from './services.ts';
import { removeTarget } from './target.ts';
import { saveVolumeData } from './volData.ts';

/** A file system that a driver is to give to a Pod. */
export interface PublishTask {
  readonly services: CsiServices;
  readonly pod: StoredPod;
  readonly context: VolumeContext;
  readonly mode: LifecycleMode;
  readonly driver: string;
  readonly handle: string;
  /** Name of the PersistentVolume, or of the inline volume. */
  readonly specName: string;
  /** Where the driver mounts it. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly fsType: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly secretRef?: SecretReference | undefined;
  readonly mountOptions: readonly string[];
  /** In `mountOptions`, and noted as by kubelet; absent: none. */
  readonly seLinuxLabel?: string;
  /** Those of the PersistentVolume; undefined for an inline volume. */
  readonly accessModes: readonly string[] | undefined;
  /** Where it is staged; told to a driver that stages. */
  readonly stagingPath?: string | undefined;
  readonly publishContext: Readonly<Record<string, string>>;
  /** Containers may have it already: then a refusal takes nothing away from them, and a driver that is not there yet is waited for. */
  readonly again: boolean;
  /** Gives the files to the Pod's group. */
  own(path: string): Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Has the driver publish the volume, and gives its files to the Pod's group where that is not the driver's business. May run again at
 * any time. After a refusal nothing of it is left on disk; after anything else the note stays, so that it is taken down with the Pod.
 * Gives the wall clock in ms at which it is to be published again; undefined: never.
 */
export async function publish(task: PublishTask): Promise<{ readonly refreshAt: number | undefined }> {
  const { services, pod, driver: name, target } = task;
  if (task.again) await services.drivers.appears(name, services.clock, task.signal);
  const driver = services.drivers.require(name, csiSays('mounter.SetUpAt failed to get CSI client'));
  const object = csiDriverObject(task.context, name);
  const policy = policyFor(task, object);
  const inputs = await publishInputs(task, object);
  const can = await driver.capabilities();
  const fsGroup = pod.spec.securityContext?.fsGroup;
  const delegated = can.has('VOLUME_MOUNT_GROUP');
  task.signal.throwIfAborted();
  const directory = dirname(target);
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await saveVolumeData(directory, {
    specVolID: task.specName,
    volumeHandle: task.handle,
    driverName: name,
    nodeName: services.nodeName,
    volumeLifecycleMode: task.mode,
    attachmentID: attachmentName(task.handle, name, services.nodeName),
    ...(task.seLinuxLabel ? { seLinuxMountContext: task.seLinuxLabel } : {}),
  });
  try {
    // Not aborted with the Pod: the driver would go on with it, and be asked to undo what it is still doing.
    await driver.publish(publishRequest(task, can, inputs, delegated ? fsGroup : undefined));
  } catch (error) {
    // A refusal that left a mount behind is none: the note stays then, and with it the wish to unpublish.
    if (error instanceof CsiError && error.outcome === 'refused' && !task.again)
      await removeTarget(target).catch(() => {});
    throw error;
  }
  if (!delegated && nodeChangesGroup({ ...task, fsGroup, policy })) await changeGroup(task);
  if (!object?.spec.requiresRepublish) return { refreshAt: undefined };
  // Spread as kubelet's syncs of Pods are.
  return { refreshAt: services.clock.now().wall + services.republishMs * (1 + 0.5 * Math.random()) };
}

/** Who changes the files' group. Throws in kubelet's words, with nothing sent, when the CSIDriver object does not allow this use or says nothing. */
function policyFor(task: PublishTask, object: CSIDriver | undefined) {
  const problem = modeProblem(task.driver, object, task.mode);
  if (problem) throw unsent(csiSays(`mounter.SetupAt failed to check volume lifecycle mode: ${problem}`));
  const policy = fsGroupPolicy(object);
  if (policy !== undefined) return policy;
  const missing = csiSays('expected valid fsGroupPolicy, received nil value or empty string');
  throw unsent(csiSays(`mounter.SetupAt failed to check fsGroup policy: ${missing}`));
}

/** `group`: the Pod's, where the driver gives files to it. */
function publishRequest(
  task: PublishTask,
  can: ReadonlySet<string>,
  { secrets, attributes }: { readonly secrets: Record<string, string>; readonly attributes: Record<string, string> },
  group: number | undefined,
) {
  return {
    volumeId: task.handle,
    targetPath: task.target,
    readonly: task.readOnly,
    ...(task.stagingPath !== undefined && can.has('STAGE_UNSTAGE_VOLUME')
      ? { stagingTargetPath: task.stagingPath }
      : {}),
    publishContext: { ...task.publishContext },
    volumeContext: attributes,
    secrets,
    volumeCapability: volumeCapability({
      accessMode: task.accessModes?.[0] ?? 'ReadWriteOnce',
      singleNodeMultiWriter: can.has('SINGLE_NODE_MULTI_WRITER'),
      block: false,
      fsType: task.fsType,
      mountOptions: task.mountOptions,
      group,
    }),
  };
}

/** What the driver gets along: attributes and Secrets, with the Pod's name and tokens where it asks for them. */
async function publishInputs(
  task: Pick<PublishTask, 'services' | 'pod' | 'context' | 'mode' | 'attributes' | 'secretRef' | 'signal'>,
  object: CSIDriver | undefined,
): Promise<{ secrets: Record<string, string>; attributes: Record<string, string> }> {
  const { services, pod, secretRef } = task;
  const secrets = await credentials(services, secretRef, 'fetching NodePublishSecretRef', 'failed');
  const attributes = {
    ...task.attributes,
    ...(object?.spec.podInfoOnMount ? podInfo(pod, task.mode) : {}),
  };
  const tokens = await podTokens(task, object);
  if (!tokens) return { secrets, attributes };
  if (object?.spec.serviceAccountTokenInSecrets) return { secrets: { ...secrets, ...tokens }, attributes };
  return { secrets, attributes: { ...attributes, ...tokens } };
}

/** The values of a Secret that a volume names; empty without one. `what` and `failed` frame its name in the error. */
export async function credentials(
  services: CsiServices,
  reference: SecretReference | undefined,
  what: string,
  failed = '',
): Promise<Record<string, string>> {
  if (!reference) return {};
  try {
    return await services.secret(reference);
  } catch (error) {
    const name = `${reference.namespace ?? ''}/${reference.name ?? ''}`;
    throw unsent(`${what} ${name}${failed === '' ? '' : ` ${failed}`}: ${errorMessage(error)}`, error);
  }
}

/** The volume is published by then, whatever comes of it. */
async function changeGroup({ target, handle, signal, own }: PublishTask): Promise<void> {
  try {
    await own(target);
  } catch (error) {
    signal.throwIfAborted();
    throw unsure(`applyFSGroup failed for vol ${handle}: ${errorMessage(error)}`, error);
  }
}
