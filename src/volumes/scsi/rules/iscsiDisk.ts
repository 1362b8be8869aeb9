// An iSCSI disk as a volume names it, and as Go's files and directories do.
import { goJson } from '../../../k8s/goText.ts';
import type { ISCSIPersistentVolumeSource } from '../../../types/k8s.ts';
import type { VolumeSpec } from '../../persistent/contract.ts';
import { PayloadError } from '../../rules/payload.ts';

/** A disk and the way to it. */
export interface IscsiDisk {
  readonly volume: string;
  /** `address:port`, at least one. */
  readonly portals: readonly string[];
  readonly iqn: string;
  readonly lun: number;
  /** The configured interface; `iface` is a copy of it where the volume has an initiator name of its own. */
  readonly initIface: string;
  readonly iface: string;
  readonly initiatorName: string;
}

const PORTAL = /^[A-Za-z0-9[][A-Za-z0-9.:[\]_-]{0,255}$/;
const IQN = /^(?:iqn|eui|naa)\.[A-Za-z0-9.:_-]{1,223}$/;
const IFACE = /^[A-Za-z0-9][A-Za-z0-9._:[\]-]{0,511}$/;
const INITIATOR = /^[A-Za-z0-9][A-Za-z0-9.:_-]{0,223}$/;

/** Each is logged in at by itself, in up to five rounds. */
const MOST_PORTALS = 64;
/** As the API server validates it. */
const LARGEST_LUN = 255;

/** The volume's source, of a PersistentVolume or of the Pod. */
export function iscsiSource({ pv, inline }: Pick<VolumeSpec, 'pv' | 'inline'>): ISCSIPersistentVolumeSource {
  return (pv?.spec?.iscsi ?? inline?.iscsi)!;
}

/** Throws one sentence on what would be taken for something else by iscsiadm, or as a path. */
export function iscsiDisk(spec: Pick<VolumeSpec, 'pv' | 'inline' | 'name'>): IscsiDisk {
  const { targetPortal, portals = [], iqn, lun, iscsiInterface = 'default', initiatorName = '' } = iscsiSource(spec);
  if (portals.length >= MOST_PORTALS)
    throw new PayloadError(`iscsi: a volume has at most ${MOST_PORTALS} portals, not ${portals.length + 1}`);
  const all = [targetPortal, ...portals].map((portal) => (portal.includes(':') ? portal : `${portal}:3260`));
  const iface = initiatorName === '' ? iscsiInterface : `${all[0]}:${spec.name}`;
  const check = (what: string, value: string, pattern: RegExp) => {
    if (!pattern.test(value)) throw new PayloadError(`iscsi: ${JSON.stringify(value.slice(0, 64))} is no ${what}`);
  };
  for (const portal of all) check('portal', portal, PORTAL);
  check('name of a target', iqn, IQN);
  check('interface', iscsiInterface, IFACE);
  check('interface', iface, IFACE);
  if (initiatorName !== '') check('name of an initiator', initiatorName, INITIATOR);
  if (!Number.isInteger(lun) || lun < 0 || lun > LARGEST_LUN)
    throw new PayloadError(`iscsi: ${lun} is no number of a LUN`);
  return { volume: spec.name, portals: all, iqn, lun, initIface: iscsiInterface, iface, initiatorName };
}

/** Below the plug-in's directory: `iface-default/10.0.0.1:3260-iqn.…-lun-0`. */
export function diskDirectory({ portals, iqn, lun, iface }: IscsiDisk): string {
  return `iface-${iface}/${portals[0]}-${iqn}-lun-${lun}`;
}

/** The link that udev makes; with another transport than TCP a pattern, as the address of the card is not known. */
export function deviceLink({ iqn, lun }: IscsiDisk, portal: string, transport: string): RegExp {
  const address = portal.startsWith('[') ? portal.replaceAll(/[[\]]/g, '') : portal;
  const name = `ip-${address}-iscsi-${iqn}-lun-${lun}`.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(transport === 'tcp' ? `^${name}$` : `^pci-.*-${name}$`);
}

/** Go's `iscsi.json`, which says what is to be logged out of. */
export function diskFile({ volume, portals, iqn, lun, initIface, iface, initiatorName }: IscsiDisk): string {
  const fields = { VolName: volume, Portals: portals, Iqn: iqn, Lun: String(lun), InitIface: initIface, Iface: iface };
  return `${goJson({ ...fields, InitiatorName: initiatorName, MetricsProvider: null })}\n`;
}

/** The disk of a directory, with its file where that is still there. Undefined when neither tells. */
export function readDisk(directory: string, file: string | undefined): IscsiDisk | undefined {
  const [, iface = '', portal = '', iqn = '', lun = ''] =
    /\/iface-([^/]+)\/([^/]+?)-((?:iqn|eui|naa)\.[^/]*)-lun-(\d+)$/.exec(directory) ?? [];
  if (iqn === '') return undefined;
  const plain = { volume: '', portals: [portal], iqn, lun: Number(lun), initIface: iface, iface, initiatorName: '' };
  if (file === undefined) return plain;
  try {
    const { VolName, Portals, InitIface, Iface, InitiatorName } = JSON.parse(file) as Record<string, unknown>;
    const isList = Array.isArray(Portals) && Portals.every((one) => typeof one === 'string' && PORTAL.test(one));
    return {
      ...plain,
      volume: String(VolName ?? ''),
      portals: isList && Portals.length > 0 ? [...new Set(Portals as string[])] : plain.portals,
      initIface: String(InitIface ?? iface),
      iface: typeof Iface === 'string' && IFACE.test(Iface) ? Iface : iface,
      initiatorName: String(InitiatorName ?? ''),
    };
  } catch {
    return plain;
  }
}
