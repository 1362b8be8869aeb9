// One registered driver: its connection, and the calls of a node.
import type { Clock } from '../../lib/clock.ts';
import { NameQueue } from '../../lib/nameQueue.ts';
import type {
  NodeExpandVolumeRequest,
  NodeGetVolumeStatsResponseOut,
  NodePublishVolumeRequest,
  NodeServiceCapabilityRPCType,
  NodeStageVolumeRequest,
} from '../../plugins/generated/csi/csi.ts';
import { csiProtocol } from '../../plugins/protocols/csi.ts';
import { createCaller } from '../../rpc/caller.ts';
import { Connection } from '../../rpc/connection.ts';
import type { CallRecord } from '../../rpc/connectionOptions.ts';
import { CsiError, rpcFailed } from './csiError.ts';
import type { CsiVersion } from './rules/version.ts';

/** How long one operation with its calls may take; kubelet's csiTimeout. Milliseconds. */
const CSI_TIMEOUT_MS = 120_000;
/** Longest request that is sent, in bytes: a Secret is at most 1 MiB. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024;
/** Longest answer that is taken, in bytes: some hundred are usual, and a few MiB of small parts take seconds to read. */
const MAX_ANSWER_BYTES = 32 * 1024;
/** Longest id of a node in the CSI specification, and most bytes of a topology that are taken. */
const MAX_NODE_ID_BYTES = 256;
const MAX_TOPOLOGY_BYTES = 16 * 1024;
/** What a driver can do is asked for again after this: its container may have been replaced behind an unchanged registrar. */
const CAPABILITIES_MS = 60_000;

/** One thing that a driver's node service can do. */
export type NodeCapability = NodeServiceCapabilityRPCType;

/** What a driver says of this node. */
export interface DriverNodeInfo {
  readonly nodeId: string;
  /** 0: no limit. */
  readonly maxVolumes: number;
  readonly topology: Readonly<Record<string, string>>;
}

export interface CsiDriverOptions {
  readonly name: string;
  /** Path of the driver's socket. */
  readonly endpoint: string;
  readonly version: CsiVersion;
  readonly clock: Clock;
  /** Told of each call that ended. */
  readonly onCall?: (driver: string, call: CallRecord) => void;
  /** For tests. */
  readonly timeoutMs?: number;
}

/**
 * A driver that is registered at a socket. Calls that change a volume go one after the other for each volume id, also when their
 * caller does not wait any more: a driver must not be asked to unpublish what it is still publishing. Every call has a deadline, so a
 * driver that hangs holds only its own volumes. All calls reject with a CsiError.
 */
export class CsiDriver implements Disposable {
  readonly name: string;
  readonly endpoint: string;
  readonly version: CsiVersion;
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #node;
  readonly #timeoutMs: number;
  readonly #volumes = new NameQueue();
  #capabilities: { readonly at: number; readonly all: Promise<ReadonlySet<NodeCapability>> } | undefined;

  /** Does not connect: the first call does. Throws on an endpoint that is no unix socket. */
  constructor(options: CsiDriverOptions) {
    this.name = options.name;
    this.endpoint = options.endpoint;
    this.version = options.version;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? CSI_TIMEOUT_MS;
    const { onCall } = options;
    this.#connection = new Connection({
      endpoint: options.endpoint,
      peer: 'CSI driver',
      maxMessageBytes: MAX_REQUEST_BYTES,
      maxAnswerBytes: MAX_ANSWER_BYTES,
      onCall: onCall && ((call) => onCall(options.name, call)),
    });
    this.#node = createCaller(this.#connection, csiProtocol, 'csi.v1.Node', this.#timeoutMs);
  }

  /** Whether the driver can do something. Asked once a minute at most, and anew after a call that broke. */
  async can(capability: NodeCapability): Promise<boolean> {
    return (await this.capabilities()).has(capability);
  }

  /** Everything that the driver's node service can do. */
  capabilities(): Promise<ReadonlySet<NodeCapability>> {
    const now = this.#clock.now().mono;
    const known = this.#capabilities;
    if (known && now - known.at < CAPABILITIES_MS) return known.all;
    const all = this.#ask(() => this.#node.unary('NodeGetCapabilities', {})).then(
      ({ capabilities }) => new Set(capabilities.flatMap(({ rpc }) => (rpc ? [rpc.type] : []))),
    );
    this.#capabilities = { at: now, all };
    all.catch(() => this.#forget(all));
    return all;
  }

  /** What the driver says of this node. An answer that cannot be true is refused. */
  async nodeInfo(signal?: AbortSignal): Promise<DriverNodeInfo> {
    const said = await this.#ask(() => this.#node.unary('NodeGetInfo', {}, { signal }));
    const topology = said.accessibleTopology?.segments ?? {};
    const bytes = Buffer.byteLength(said.nodeId);
    if (bytes > MAX_NODE_ID_BYTES)
      throw new CsiError(
        `its id of this node is ${bytes} bytes long; at most ${MAX_NODE_ID_BYTES} are taken`,
        'refused',
      );
    const size = Object.entries(topology).reduce((sum, [k, v]) => sum + Buffer.byteLength(k) + Buffer.byteLength(v), 0);
    if (size > MAX_TOPOLOGY_BYTES)
      throw new CsiError(`its topology is ${size} bytes long; at most ${MAX_TOPOLOGY_BYTES} are taken`, 'refused');
    return { nodeId: said.nodeId, maxVolumes: Number(said.maxVolumesPerNode), topology };
  }

  async stage(request: NodeStageVolumeRequest): Promise<void> {
    await this.#change(request.volumeId, () => this.#node.unary('NodeStageVolume', request));
  }

  async unstage(volumeId: string, stagingTargetPath: string): Promise<void> {
    await this.#change(volumeId, () => this.#node.unary('NodeUnstageVolume', { volumeId, stagingTargetPath }));
  }

  async publish(request: NodePublishVolumeRequest): Promise<void> {
    await this.#change(request.volumeId, () => this.#node.unary('NodePublishVolume', request));
  }

  async unpublish(volumeId: string, targetPath: string): Promise<void> {
    await this.#change(volumeId, () => this.#node.unary('NodeUnpublishVolume', { volumeId, targetPath }));
  }

  async expand(request: NodeExpandVolumeRequest): Promise<void> {
    await this.#change(request.volumeId, () => this.#node.unary('NodeExpandVolume', request));
  }

  /** Not behind the volume's changes: a number that is late is worth nothing. */
  stats(volumeId: string, volumePath: string): Promise<NodeGetVolumeStatsResponseOut> {
    return this.#ask(() => this.#node.unary('NodeGetVolumeStats', { volumeId, volumePath }));
  }

  /** Ends its calls; their outcome is unknown. */
  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  #change<T>(volumeId: string | undefined, call: () => Promise<T>): Promise<T> {
    if (!volumeId) return Promise.reject(new CsiError('missing volume id', 'refused'));
    return this.#volumes.run(volumeId, () => this.#ask(call));
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const failed = rpcFailed(error);
      // Whoever answers next may be another program.
      if (failed.outcome === 'unsure') this.#capabilities = undefined;
      throw failed;
    }
  }

  #forget(all: Promise<ReadonlySet<NodeCapability>>): void {
    if (this.#capabilities?.all === all) this.#capabilities = undefined;
  }
}
