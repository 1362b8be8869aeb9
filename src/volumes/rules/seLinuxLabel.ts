// Whether a volume is mounted with the SELinux label of its Pod, instead of each file being given it (KEP-1710).
import type { SELinuxOptions, StoredPod } from '../../types/k8s.ts';
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

/**
 * The label, or '' where files are labelled one by one: only a PersistentVolume whose Pod has it alone is mounted so, and not when the Pod
 * asks for the other way. Throws when containers of the Pod use the volume under several labels, or under what is none.
 */
export function seLinuxMountLabel(
  pod: StoredPod,
  volume: string,
  { pv, mode }: Pick<VolumeSpec, 'pv' | 'mode'>,
  { fileContext, everyMode }: SeLinuxHost,
): string {
  const modes = pv?.spec?.accessModes ?? [];
  const isAlone = modes.length === 1 && modes[0] === 'ReadWriteOncePod';
  if (!pv || mode === 'Block' || (!everyMode && !isAlone)) return '';
  const { initContainers = [], containers = [], ephemeralContainers = [], securityContext = {} } = pod.spec;
  const users = [...initContainers, ...containers, ...ephemeralContainers].filter(({ volumeMounts }) =>
    volumeMounts?.some(({ name }) => name === volume),
  );
  const labels = new Set(
    users.flatMap((container) => {
      const options = container.securityContext?.seLinuxOptions ?? securityContext.seLinuxOptions;
      return options ? [fileLabel(options, fileContext)] : [];
    }),
  );
  if (labels.size > 1) throw new PayloadError(`multiple SELinux labels found: ${[...labels].sort().join(',')}`);
  const [label = ''] = labels;
  if (label === '' || securityContext.seLinuxChangePolicy === 'Recursive') return '';
  if (label.length > LABEL_BYTES)
    throw new PayloadError(`an SELinux label has at most ${LABEL_BYTES} bytes, not ${Buffer.byteLength(label)}`);
  if (!LABEL.test(label)) throw new PayloadError(`${JSON.stringify(label.slice(0, 128))} is no SELinux label`);
  return label;
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
