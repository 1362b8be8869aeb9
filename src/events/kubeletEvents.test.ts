import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every reason of an Event that kubelet 1.36.3 sends (pkg/kubelet/events and what its packages spell out). */
const REASONS = [
  'AlreadyMountedVolume',
  'BackOff',
  'CgroupV1',
  'CheckLimitsForResolvConf',
  'ContainerGCFailed',
  'Created',
  'DNSConfigForming',
  'ErrImageNeverPull',
  'Evicted',
  'EvictionThresholdMet',
  'ExceededGracePeriod',
  'Failed',
  'FailedAttachVolume',
  'FailedCreatePodContainer',
  'FailedCreatePodSandBox',
  'FailedKillPod',
  'FailedMapVolume',
  'FailedMount',
  'FailedMountOnFilesystemMismatch',
  'FailedNodeAllocatableEnforcement',
  'FailedNodeDeclaredFeaturesCheck',
  'FailedPodSandBoxStatus',
  'FailedPostStartHook',
  'FailedPreStopHook',
  'FailedPrepareDynamicResources',
  'FailedSync',
  'FailedValidation',
  'FileSystemResizeFailed',
  'FileSystemResizeSuccessful',
  'FreeDiskSpaceFailed',
  'HostIPsIPFamilyMismatch',
  'ImageGCFailed',
  'InspectFailed',
  'InvalidDiskCapacity',
  'InvalidImageID',
  'Killing',
  'KubeletSetupFailed',
  'MissingClusterDNS',
  'NetworkNotReady',
  'NodeAllocatableEnforced',
  'NodeHasSufficientMemory',
  'NodeHasSufficientPID',
  'NodeNotReady',
  'NodeNotSchedulable',
  'NodeReady',
  'NodeSchedulable',
  'PossibleMemoryBackedVolumesOnDisk',
  'Preempting',
  'ProbeWarning',
  'Pulled',
  'Pulling',
  'Rebooted',
  'ResizeCompleted',
  'ResizeDeferred',
  'ResizeError',
  'ResizeInfeasible',
  'ResizeStarted',
  'SandboxChanged',
  'Shutdown',
  'Started',
  'Starting',
  'SuccessfulAttachVolume',
  'SuccessfulMountVolume',
  'SystemOOM',
  'UnexpectedAdmissionError',
  'Unhealthy',
  'VolumePermissionChangeInProgress',
  'VolumeResizeFailed',
  'VolumeResizeSuccessful',
];

/** Those that are not sent here, each with its reason; docs/differences.md has them too. */
const UNSENT: Readonly<Record<string, string>> = {
  FailedAttachVolume: 'volumes are attached by the controller alone',
  SuccessfulAttachVolume: 'volumes are attached by the controller alone',
  FailedMountOnFilesystemMismatch: 'the mount itself fails, and FailedMount says so',
  FailedNodeDeclaredFeaturesCheck: 'an update that needs what this node does not declare is refused where it is needed',
  FailedValidation: 'a second static Pod of one name waits, and `why` says for whom',
  InvalidImageID: 'an image without an id cannot be removed, and is left out',
  VolumeResizeFailed: 'a volume that cannot be grown is told of as FailedMount, in use or not',
  VolumeResizeSuccessful: 'the expand controller sends it; the node sends FileSystemResizeSuccessful',
  KubeletSetupFailed: 'the start ends with one sentence before there is anybody to tell',
};

const root = join(__dirname, '..');
const source = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(
    (name) =>
      name.endsWith('.ts') && !name.endsWith('.test.ts') && !/(^|\/)(fake|testing|generated|types)\//.test(name),
  )
  .map((name) => readFileSync(join(root, name), 'utf8'))
  .join('\n');
/** Reasons that are put together from a prefix. */
const isSent = (reason: string) =>
  new RegExp(`['"\`]${reason}['"\`]`).test(source) || (reason.startsWith('Resize') && source.includes('`Resize${'));

test.each(REASONS)('%s is sent, or stands in the list with its reason', (reason) => {
  expect({ sent: isSent(reason), listed: Object.hasOwn(UNSENT, reason) }).toEqual({
    sent: !Object.hasOwn(UNSENT, reason),
    listed: Object.hasOwn(UNSENT, reason),
  });
});

test('the list is what docs/differences.md says', () => {
  const text = readFileSync(join(root, '../docs/differences.md'), 'utf8');
  for (const reason of Object.keys(UNSENT)) expect(text).toContain(reason);
});
