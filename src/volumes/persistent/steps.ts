import type { PodEvent } from '../../events/event.ts';
import { goQuote } from '../../k8s/goText.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { VolumeContext } from '../contract.ts';
import type { VolumeLabel } from '../rules/seLinuxLabel.ts';
import { deviceAt, mapDevice, unmapDevice } from './blockDevice.ts';
import type { KindHost, PersistentKind, Published, VolumeIdentity, VolumeSpec, WantedStep } from './contract.ts';
import { mountOptions } from './rules/mountOptions.ts';
import type { VolumeAction } from './rules/volumeFacts.ts';
import { FinalError, type StepWords, stepFailed } from './volumeStepError.ts';

/** What a Pod orders of a volume. */
export interface StepOrder {
  readonly pod: StoredPod;
  readonly spec: VolumeSpec;
  readonly context: VolumeContext;
  /** The size that it has and its claim was not told of. */
  readonly size?: string;
  /** The SELinux label to mount it with; absent: none. */
  readonly seLinuxLabel?: string;
  /** How the Pod wants it labelled, on a machine with SELinux: for metrics. */
  readonly label?: VolumeLabel;
  readonly signal: AbortSignal;
  event(event: PodEvent): void;
  /** What the Pod still waits for; undefined: nothing. */
  progress(message: string | undefined): void;
}

export interface StepPorts {
  readonly host: KindHost;
}

interface Step {
  readonly kind: PersistentKind;
  readonly volume: VolumeIdentity;
  readonly action: VolumeAction;
  readonly order: StepOrder | undefined;
  readonly others: readonly string[];
  /** Pods that it is being given to at this moment. */
  readonly rivals: readonly string[];
  readonly again: boolean;
  readonly devicePath: string;
}

/** Carries out one step of a volume; what it throws is in kubelet's words. */
export async function carryOut({ host }: StepPorts, step: Step, signal: AbortSignal): Promise<Published | undefined> {
  const { kind, volume, action } = step;
  const common = { host, volume, signal };
  if (action.kind === 'unstage')
    return inWords('UnmountDevice failed', volume, async () => void (await kind.unstage?.(common)));
  if (action.kind === 'unpublish')
    return inWords('UnmountVolume.TearDown failed', volume, async () => {
      if (volume.mode === 'Block') await unmapDevice(host, kind, volume, action.uid);
      await kind.unpublish({ ...common, podUid: action.uid });
      return undefined;
    });
  if (!step.order) throw stepFailed('MountVolume.SetUp failed', volume.name, new Error('the Pod wants it no more'));
  const { pod, spec, context, event, progress, seLinuxLabel = '' } = step.order;
  const { others, rivals, again, devicePath } = step;
  const wanted: WantedStep = {
    ...common,
    pod,
    spec,
    context,
    event,
    progress,
    others,
    again,
    devicePath,
    seLinuxLabel,
  };
  if (action.kind === 'publish') return publish(kind, wanted, rivals);
  const block = volume.mode === 'Block';
  if (action.kind === 'expand') {
    const words = block
      ? 'MapVolume.MarkVolumeAsMounted failed while expanding volume'
      : 'MountVolume.Setup failed while expanding volume';
    return inWords(words, volume, async () => void (await kind.expand?.(wanted)));
  }
  await check(kind, wanted, rivals);
  const words = block ? 'MapVolume.SetUpDevice failed' : 'MountVolume.MountDevice failed';
  return inWords(words, volume, async () => void (await kind.stage?.(wanted)));
}

async function publish(kind: PersistentKind, step: WantedStep, rivals: readonly string[]): Promise<Published> {
  const { volume, pod } = step;
  await check(kind, step, rivals);
  if (volume.mode === 'Filesystem')
    return (await inWords('MountVolume.SetUp failed', volume, () => kind.publish(step)))!;
  const given = (await inWords('MapVolume.MapPodDevice failed', volume, () => kind.publish(step)))!;
  const device = await inWords('MapVolume.EvalHostSymlinks failed', volume, () => deviceAt(given.path));
  const mapped = await inWords('MapVolume.MapBlockVolume failed', volume, () =>
    mapDevice(step.host, kind, volume, pod.metadata.uid, device),
  );
  for (const [what, path] of [
    ['globalMapPath', mapped!.global],
    ['volumeMapPath', mapped!.directory],
  ]) {
    const message = `MapVolume.MapPodDevice succeeded for volume ${goQuote(volume.name)} ${what} ${goQuote(path!)}`;
    if (!step.again) step.event({ type: 'Normal', reason: 'SuccessfulMountVolume', message });
  }
  return { ...given, path: mapped!.link };
}

/** What kubelet looks at before it touches anything. */
async function check(
  kind: PersistentKind,
  { spec, volume, context, others }: WantedStep,
  rivals: readonly string[],
): Promise<void> {
  const block = volume.mode === 'Block';
  const refuse = (words: StepWords, message: string) => {
    throw stepFailed(words, volume.name, new FinalError(message));
  };
  if (spec.pv && context.fitsNode?.(spec.pv) === false)
    refuse(
      block ? 'MapVolume.NodeAffinity check failed' : 'MountVolume.NodeAffinity check failed',
      'no matching NodeSelectorTerms',
    );
  const begun = block
    ? 'MapVolume.NewBlockVolumeMapper initialization failed'
    : 'MountVolume.NewMounter initialization failed';
  await inWords(begun, volume, () => unbegun(async () => kind.check?.(spec)));
  if (!block && !kind.supportsMountOptions && mountOptions(spec).length > 0)
    refuse('MountVolume.MountOptionSupport check failed', 'mount options are not supported for this volume type');
  const modes = spec.pv?.spec?.accessModes ?? [];
  if (others.length + rivals.length > 0 && modes.length === 1 && modes[0] === 'ReadWriteOncePod')
    refuse(
      block ? 'MapVolume.SetUpDevice failed' : 'MountVolume.SetUp failed',
      'volume uses the ReadWriteOncePod access mode and is already in use by another pod',
    );
}

/** Nothing has been done yet, so nothing is left behind. */
async function unbegun(look: () => Promise<void>): Promise<void> {
  try {
    await look();
  } catch (error) {
    throw error instanceof FinalError ? error : new FinalError(errorMessage(error), error);
  }
}

async function inWords<T>(words: StepWords, { name }: VolumeIdentity, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if ((error as { name?: string }).name === 'AbortError') throw error;
    throw stepFailed(words, name, error);
  }
}
