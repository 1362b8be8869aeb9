// Whether a volume is mounted with the SELinux label of its Pod, instead of each file being given it (KEP-1710).
import type { PersistentVolume, SELinuxOptions, StoredPod } from '../../types/k8s.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import { PayloadError } from './payload.ts';

/** Within quotes in a mount's options: the API takes any text, and with a quote of its own a Pod would choose further options of a mount on the node. */
const LABEL = /^[\w.:,-]+$/;
/** The kernel takes a label, as all options of a mount, in one page with a zero byte at its end. */
const LABEL_BYTES = 4095;

/** What the machine says of it. */
export interface SeLinuxHost {
  /** The label that files of containers have unless a Pod says otherwise, as `system_u:object_r:container_file_t:s0`. */
  readonly fileContext: string;
  /** Volumes of every access mode, not of ReadWriteOncePod alone (SELinuxMount). */
  readonly everyMode: boolean;
}

/** Several labels for one volume, or a text that is none. */
export type LabelFault = 'several' | 'malformed';

/** How a Pod wants a volume labelled. Without SELinux, and for devices, nothing is wanted. */
export interface VolumeLabel {
  /** The volume is mounted with a label: only a PersistentVolume whose Pod has it alone is, unless all are (SELinuxMount). */
  readonly isMountedSo: boolean;
  /** RWX, ROX, RWO, RWOP: the first of these that the volume has; `inline` for one that is no PersistentVolume. */
  readonly accessMode: string;
  /** What it is mounted with, or would be if it were mounted so; '': files are labelled one by one. */
  readonly wanted: string;
  /** Keeps the Pod from having a volume that is mounted with a label, and is a warning for others. */
  readonly fault?: { readonly kind: LabelFault; readonly message: string };
}

/** How the Pod wants the volume labelled; what is wrong with that is part of the answer, and not thrown. */
export function seLinuxVolumeLabel(
  pod: StoredPod,
  volume: string,
  { pv, mode }: Pick<VolumeSpec, 'pv' | 'mode'>,
  { fileContext, everyMode }: SeLinuxHost,
): VolumeLabel {
  const modes = pv?.spec?.accessModes ?? [];
  const isAlone = modes.length === 1 && modes[0] === 'ReadWriteOncePod';
  const isMountedSo = pv !== undefined && mode !== 'Block' && (everyMode || isAlone);
  const found = { isMountedSo, accessMode: accessMode(pv) };
  if (mode === 'Block') return { ...found, wanted: '' };
  const labels = labelsOf(pod, volume, fileContext);
  const fault = (kind: LabelFault, message: string) => ({ ...found, wanted: '', fault: { kind, message } });
  if (labels.size > 1) return fault('several', `multiple SELinux labels found: ${[...labels].sort().join(',')}`);
  const [label = ''] = labels;
  if (label === '' || pod.spec.securityContext?.seLinuxChangePolicy === 'Recursive') return { ...found, wanted: '' };
  if (label.length > LABEL_BYTES)
    return fault('malformed', `an SELinux label has at most ${LABEL_BYTES} bytes, not ${Buffer.byteLength(label)}`);
  if (!LABEL.test(label)) return fault('malformed', `${JSON.stringify(label.slice(0, 128))} is no SELinux label`);
  return { ...found, wanted: label };
}

/** The label that it is mounted with, or ''. Throws when a fault keeps the Pod from having it. */
export function mountedLabel({ isMountedSo, wanted, fault }: VolumeLabel): string {
  if (!isMountedSo) return '';
  if (fault) throw new PayloadError(fault.message);
  return wanted;
}

/** Those of all containers that use the volume. */
function labelsOf(pod: StoredPod, volume: string, fileContext: string): ReadonlySet<string> {
  const { initContainers = [], containers = [], ephemeralContainers = [], securityContext = {} } = pod.spec;
  const users = [...initContainers, ...containers, ...ephemeralContainers].filter(({ volumeMounts }) =>
    volumeMounts?.some(({ name }) => name === volume),
  );
  return new Set(
    users.flatMap((container) => {
      const options = container.securityContext?.seLinuxOptions ?? securityContext.seLinuxOptions;
      return options ? [fileLabel(options, fileContext)] : [];
    }),
  );
}

function accessMode(pv: PersistentVolume | undefined): string {
  if (!pv) return 'inline';
  const short = { ReadWriteMany: 'RWX', ReadOnlyMany: 'ROX', ReadWriteOnce: 'RWO', ReadWriteOncePod: 'RWOP' };
  return Object.entries(short).find(([mode]) => pv.spec?.accessModes?.includes(mode))?.[1] ?? '';
}

/** Of files: a process's user and level, in the context that files have. Without a level the runtime chooses one that nobody knows yet. */
function fileLabel({ user, level }: SELinuxOptions, fileContext: string): string {
  if (!level) return '';
  const [own = '', role = '', type = ''] = fileContext.split(':');
  return `${user || own}:${role}:${type}:${level}`;
}

/** As mount(8) takes it: a level has commas. */
export function contextOption(label: string): string[] {
  return label === '' ? [] : [`context="${label}"`];
}
