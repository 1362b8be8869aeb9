import type { VolumeCapability } from '../../../plugins/generated/csi/csi.ts';

type Mode = NonNullable<NonNullable<VolumeCapability['accessMode']>['mode']>;

const PLAIN: Readonly<Record<string, Mode>> = {
  ReadWriteOnce: 'SINGLE_NODE_WRITER',
  ReadOnlyMany: 'MULTI_NODE_READER_ONLY',
  ReadWriteMany: 'MULTI_NODE_MULTI_WRITER',
  ReadWriteOncePod: 'SINGLE_NODE_WRITER',
};
const MULTI_WRITER: Readonly<Record<string, Mode>> = {
  ...PLAIN,
  ReadWriteOnce: 'SINGLE_NODE_MULTI_WRITER',
  ReadWriteOncePod: 'SINGLE_NODE_SINGLE_WRITER',
};

/** What a driver is told of an access mode: only one with SINGLE_NODE_MULTI_WRITER knows one Pod from one node (KEP-2485). */
export function csiAccessMode(mode: string, singleNodeMultiWriter: boolean): Mode {
  const modes = singleNodeMultiWriter ? MULTI_WRITER : PLAIN;
  return Object.hasOwn(modes, mode) ? modes[mode]! : 'UNKNOWN';
}

/** How a volume is to be given. */
export interface CapabilityRequest {
  readonly accessMode: string;
  readonly singleNodeMultiWriter: boolean;
  /** A raw device instead of a file system. */
  readonly block: boolean;
  readonly fsType: string;
  readonly mountOptions: readonly string[];
  /** The group that the driver gives the files to, if it is the one who does. */
  readonly group?: number | undefined;
}

/** The volume capability of a request to a driver. */
export function volumeCapability(request: CapabilityRequest): VolumeCapability {
  const accessMode = { mode: csiAccessMode(request.accessMode, request.singleNodeMultiWriter) };
  if (request.block) return { accessMode, block: {} };
  return {
    accessMode,
    mount: {
      fsType: request.fsType,
      mountFlags: [...request.mountOptions],
      ...(request.group === undefined ? {} : { volumeMountGroup: String(request.group) }),
    },
  };
}
