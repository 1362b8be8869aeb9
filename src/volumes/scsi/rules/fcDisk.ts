// A Fibre Channel disk as a volume names it.
import type { FCVolumeSource } from '../../../types/k8s.ts';
import type { VolumeSpec } from '../../persistent/contract.ts';
import { PayloadError } from '../../rules/payload.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:]*(?:-[A-Za-z0-9._:]+)*$/;

/** The identifiers of a disk are the name of a directory. */
const DIRECTORY_BYTES = 255;
/** As the API server validates it. */
const LARGEST_LUN = 255;

/** A disk by the ports and number under which targets offer it, or by its own identifiers. */
export type FcDisk = { readonly wwns: readonly string[]; readonly lun: number } | { readonly wwids: readonly string[] };

/** The volume's source, of a PersistentVolume or of the Pod. */
export function fcSource({ pv, inline }: VolumeSpec): FCVolumeSource {
  return (pv?.spec?.fc ?? inline?.fc)!;
}

/** Throws one sentence when it names no disk, or what could be another path. */
export function fcDisk(spec: VolumeSpec): FcDisk {
  const { targetWWNs = [], lun, wwids = [] } = fcSource(spec);
  if (lun !== undefined && lun > LARGEST_LUN) throw new PayloadError(`fc: a LUN is at most ${LARGEST_LUN}, not ${lun}`);
  const isNumber = lun !== undefined && Number.isInteger(lun) && lun >= 0;
  const disk: FcDisk | undefined =
    isNumber && targetWWNs.length > 0
      ? { wwns: targetWWNs, lun }
      : wwids.length > 0
        ? { wwids: wwids.map((wwid) => wwid.replaceAll(' ', '_')) }
        : undefined;
  if (!disk) throw new PayloadError('fc: no fc disk information found. failed to make a new mounter');
  for (const name of 'wwns' in disk ? disk.wwns : disk.wwids)
    if (name.length > 128 || !NAME.test(name))
      throw new PayloadError(`fc: ${JSON.stringify(name.slice(0, 128))} names no disk`);
  const bytes = Buffer.byteLength(fcDirectory(disk));
  if (bytes > DIRECTORY_BYTES)
    throw new PayloadError(
      `fc: the names of the disk have ${bytes} bytes together, and at most ${DIRECTORY_BYTES} are taken`,
    );
  return disk;
}

/** Below the plug-in's directory. */
export function fcDirectory(disk: FcDisk): string {
  return 'wwns' in disk ? `${disk.wwns.join('-')}-lun-${disk.lun}` : disk.wwids.join('-');
}
