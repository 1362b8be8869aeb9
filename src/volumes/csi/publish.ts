// A CSI file system for one Pod: what is told to the driver, and what is noted on disk before it.
import { mkdir, rmdir, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import { goJson } from '../../lib/goText.ts';
import { errnoCode } from '../../lib/linux/linuxError.ts';
import type { CSIDriver, SecretReference, StoredPod } from '../../types/k8s.ts';
import type { VolumeContext } from '../contract.ts';
import { applyOwnership } from '../ownership.ts';
import { CsiError, csiSays, passing } from './csiError.ts';
import { attachmentName } from './names.ts';
import { volumeCapability } from './rules/accessMode.ts';
import { fsGroupPolicy, nodeChangesGroup } from './rules/fsGroup.ts';
import { type LifecycleMode, modeProblem, podInfo } from './rules/podInfo.ts';
import { type CsiServices, csiDriverObject } from './services.ts';
import { removeVolumeData, saveVolumeData } from './volData.ts';

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
  /** Those of the PersistentVolume; undefined for an inline volume. */
  readonly accessModes: readonly string[] | undefined;
  /** Where it is staged, if the driver stages. */
  readonly stagingPath?: string | undefined;
  readonly publishContext: Readonly<Record<string, string>>;
  /** Containers may have it already: then a refusal takes nothing away from them. */
  readonly again: boolean;
  readonly signal: AbortSignal;
}

/** What is known of a published volume. */
export interface Published {
  /** Wall clock in ms at which it is to be published again; undefined: never. */
  readonly refreshAt: number | undefined;
}

/**
 * Has the driver publish the volume, and gives its files to the Pod's group where that is not the driver's business. May run again at
 * any time. After a refusal nothing of it is left on disk; after anything else the note stays, so that it is taken down with the Pod.
 */
export async function publish(task: PublishTask): Promise<Published> {
  const { services, pod, driver: name, target } = task;
  const driver = services.drivers.require(name, csiSays('mounter.SetUpAt failed to get CSI client'));
  const object = csiDriverObject(task.context, name);
  const problem = modeProblem(name, object, task.mode);
  if (problem) throw passing(csiSays(`mounter.SetupAt failed to check volume lifecycle mode: ${problem}`));
  const policy = fsGroupPolicy(object);
  if (policy === undefined)
    throw passing(
      csiSays(
        `mounter.SetupAt failed to check fsGroup policy: ${csiSays('expected valid fsGroupPolicy, received nil value or empty string')}`,
      ),
    );
  const { secrets, attributes } = await inputs(task, object);
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
  });
  try {
    // Not aborted with the Pod: the driver would go on with it, and be asked to undo what it is still doing.
    await driver.publish({
      volumeId: task.handle,
      targetPath: target,
      readonly: task.readOnly,
      ...(task.stagingPath === undefined ? {} : { stagingTargetPath: task.stagingPath }),
      publishContext: { ...task.publishContext },
      volumeContext: attributes,
      secrets,
      volumeCapability: volumeCapability({
        accessMode: task.accessModes?.[0] ?? 'ReadWriteOnce',
        singleNodeMultiWriter: can.has('SINGLE_NODE_MULTI_WRITER'),
        block: false,
        fsType: task.fsType,
        mountOptions: task.mountOptions,
        group: delegated ? fsGroup : undefined,
      }),
    });
  } catch (error) {
    if (error instanceof CsiError && error.final && !task.again) await forgetRefused(target);
    throw error;
  }
  if (!delegated && fsGroup !== undefined && nodeChangesGroup({ ...task, fsGroup, policy }))
    await changeGroup(task, fsGroup);
  return { refreshAt: object?.spec.requiresRepublish ? services.clock.now().wall + services.republishMs : undefined };
}

/** What the driver gets along: attributes and Secrets, with the Pod's name and tokens where it asks for them. */
async function inputs(
  task: PublishTask,
  object: CSIDriver | undefined,
): Promise<{ secrets: Record<string, string>; attributes: Record<string, string> }> {
  const { services, pod, secretRef: ref } = task;
  let secrets: Record<string, string> = {};
  if (ref) {
    try {
      secrets = await services.secret(ref);
    } catch (error) {
      const what = `fetching NodePublishSecretRef ${ref.namespace ?? ''}/${ref.name ?? ''} failed`;
      throw passing(`${what}: ${errorMessage(error)}`, error);
    }
  }
  const attributes = {
    ...task.attributes,
    ...(object?.spec.podInfoOnMount ? podInfo(pod, task.mode) : {}),
  };
  const tokens = await podTokens(task, object);
  if (!tokens) return { secrets, attributes };
  if (object?.spec.serviceAccountTokenInSecrets) return { secrets: { ...secrets, ...tokens }, attributes };
  return { secrets, attributes: { ...attributes, ...tokens } };
}

/** Tokens of the Pod's service account for the audiences that the driver names (KEP-2047), as one JSON text. */
async function podTokens(
  { pod, context, signal }: PublishTask,
  object: CSIDriver | undefined,
): Promise<Record<string, string> | undefined> {
  const requests = object?.spec.tokenRequests ?? [];
  if (requests.length === 0) return undefined;
  const tokens: [string, object][] = [];
  for (const { audience, expirationSeconds } of requests) {
    try {
      const { token, expiresAt } = await context.token(
        {
          namespace: pod.metadata.namespace,
          serviceAccountName: pod.spec.serviceAccountName ?? '',
          audiences: audience === '' ? [] : [audience],
          ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
          pod: { name: pod.metadata.name, uid: pod.metadata.uid },
        },
        signal,
      );
      tokens.push([audience, { token, expirationTimestamp: rfc3339(expiresAt) }]);
    } catch (error) {
      signal.throwIfAborted();
      throw passing(
        csiSays(`mounter.SetUpAt failed to get service accoount token attributes: ${errorMessage(error)}`),
        error,
      );
    }
  }
  tokens.sort(([a], [b]) => (a < b ? -1 : 1));
  return { 'csi.storage.k8s.io/serviceAccount.tokens': goJson(Object.fromEntries(tokens)) };
}

function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

async function changeGroup(task: PublishTask, group: number): Promise<void> {
  const { pod, target, signal } = task;
  const policy = pod.spec.securityContext?.fsGroupChangePolicy;
  try {
    await applyOwnership({
      path: target,
      group,
      ...(policy === 'OnRootMismatch' ? { policy } : {}),
      readOnly: task.readOnly,
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw passing(`applyFSGroup failed for vol ${task.handle}: ${errorMessage(error)}`, error);
  }
}

/** A refusal that left a mount behind is none: the note stays, and with it the wish to unpublish. */
async function forgetRefused(target: string): Promise<void> {
  await removeTarget(target).catch(() => {});
}

/**
 * Removes an unpublished target, its note and its directory. Nothing is looked at below the target: a mount that the driver left there
 * may be of a server that is gone. Rejects in kubelet's words, when something is still mounted or lies there.
 */
export async function removeTarget(target: string): Promise<void> {
  await removeEmpty(target, 'failed to remove dir');
  const directory = dirname(target);
  await removeVolumeData(directory);
  await removeEmpty(directory, 'failed to delete volume path');
}

async function removeEmpty(path: string, what: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT') return;
    if (code === 'ENOTDIR') return void (await unlink(path));
    const why: Record<string, string> = {
      EBUSY: 'device or resource busy: the driver has left it mounted',
      ENOTEMPTY: 'directory not empty: the driver has left files there',
    };
    throw passing(csiSays(`${what} [${path}]: remove ${path}: ${why[code ?? ''] ?? errorMessage(error)}`), error);
  }
}
