// A CSI driver for tests, on a real socket: keeps volumes, says what it is told to say, and writes down every call. It mounts through
// a Mounter, so with the kernel's it is a driver that really mounts.
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { ignoring } from '../../../lib/linux/linuxError.ts';
import { type Mounter, MountFlag } from '../../../lib/linux/mounter.ts';
import type {
  NodeGetInfoResponse,
  NodeGetVolumeStatsResponse,
  NodePublishVolumeRequestOut,
  NodeServiceCapabilityRPCType,
  VolumeCapabilityOut,
} from '../../../plugins/generated/csi/csi.ts';
import { csiProtocol } from '../../../plugins/protocols/csi.ts';
import { type RpcServer, startRpcServer } from '../../../rpc/server.ts';
import { RpcStatus, serveService } from '../../../rpc/service.ts';

export interface FakeDriverOptions {
  readonly socket: string;
  /** Where the volumes' files are; a directory of its own. */
  readonly data: string;
  readonly mounter: Pick<Mounter, 'mount' | 'unmount' | 'isMountPoint'>;
  readonly nodeId?: string;
  readonly maxVolumes?: number | (() => number);
  readonly topology?: Readonly<Record<string, string>>;
  readonly capabilities?: readonly NodeServiceCapabilityRPCType[];
  /** Answers of NodeGetVolumeStats; by default some figures. */
  readonly stats?: (volumeId: string) => NodeGetVolumeStatsResponse;
}

/** One call that reached the driver. */
export interface FakeCall {
  readonly method: string;
  readonly request: Readonly<Record<string, unknown>>;
}

interface FakeVolume {
  staged: string | undefined;
  readonly published: Set<string>;
}

/** Runs before (`late`: after) a call is carried out; may throw an RpcStatus, wait, or never end. */
export type FakeFault = (call: FakeCall) => void | Promise<void>;

/** A driver that serves. Its volumes outlive `stop`, as real ones outlive a driver's restart. */
export class FakeCsiDriver implements AsyncDisposable {
  readonly calls: FakeCall[] = [];
  /** What was asked of it that must never be asked, in words. */
  readonly wrongs: string[] = [];
  readonly volumes = new Map<string, FakeVolume>();
  before: FakeFault = () => {};
  late: FakeFault = () => {};
  readonly #options: FakeDriverOptions;
  #server: RpcServer | undefined;

  constructor(options: FakeDriverOptions) {
    this.#options = options;
  }

  /** Serves on the socket, again after `stop`. */
  async start(): Promise<this> {
    const { socket, capabilities = [] } = this.#options;
    const identity = serveService(csiProtocol, 'csi.v1.Identity', {
      GetPluginInfo: () => ({ name: 'fake.csi.example', vendorVersion: '1' }),
      Probe: () => ({ ready: { value: true } }),
    });
    const node = serveService(csiProtocol, 'csi.v1.Node', {
      NodeGetInfo: (request) => this.#serve('NodeGetInfo', request, () => this.#info()),
      NodeGetCapabilities: (request) =>
        this.#serve('NodeGetCapabilities', request, () => ({
          capabilities: capabilities.map((type) => ({ rpc: { type } })),
        })),
      NodeStageVolume: (request) =>
        this.#serve('NodeStageVolume', request, () => this.#stage(request.volumeId, request.stagingTargetPath)),
      NodeUnstageVolume: (request) =>
        this.#serve('NodeUnstageVolume', request, () => this.#unstage(request.volumeId, request.stagingTargetPath)),
      NodePublishVolume: (request) => this.#serve('NodePublishVolume', request, () => this.#publish(request)),
      NodeUnpublishVolume: (request) =>
        this.#serve('NodeUnpublishVolume', request, () => this.#unpublish(request.volumeId, request.targetPath)),
      NodeExpandVolume: (request) =>
        this.#serve('NodeExpandVolume', request, () => ({ capacityBytes: request.capacityRange?.requiredBytes ?? 0 })),
      NodeGetVolumeStats: (request) =>
        this.#serve('NodeGetVolumeStats', request, () => this.#options.stats?.(request.volumeId) ?? SOME_STATS),
    });
    this.#server = await startRpcServer({ path: socket, services: [identity, node] });
    return this;
  }

  /** Ends serving; calls under way break. */
  async stop(): Promise<void> {
    await this.#server?.close(0);
    this.#server = undefined;
  }

  /** How often a method was called. */
  count(method: string): number {
    return this.calls.filter((call) => call.method === method).length;
  }

  /** Requests of a method, in order. */
  requests<T = Readonly<Record<string, unknown>>>(method: string): T[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.request as T);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #serve<T>(method: string, request: object, work: () => T | Promise<T>): Promise<T> {
    const call = { method, request: request as FakeCall['request'] };
    this.calls.push(call);
    await this.before(call);
    const result = await work();
    await this.late(call);
    return result;
  }

  #info(): NodeGetInfoResponse {
    const { nodeId = 'node-id', maxVolumes = 0, topology } = this.#options;
    return {
      nodeId,
      maxVolumesPerNode: typeof maxVolumes === 'number' ? maxVolumes : maxVolumes(),
      ...(topology ? { accessibleTopology: { segments: { ...topology } } } : {}),
    };
  }

  #volume(id: string): FakeVolume {
    const known = this.volumes.get(id);
    if (known) return known;
    const volume = { staged: undefined, published: new Set<string>() };
    this.volumes.set(id, volume);
    return volume;
  }

  get #stages(): boolean {
    return this.#options.capabilities?.includes('STAGE_UNSTAGE_VOLUME') ?? false;
  }

  async #stage(id: string, path: string): Promise<Record<string, never>> {
    const volume = this.#volume(id);
    if (volume.staged !== undefined && volume.staged !== path)
      this.wrongs.push(`${id} staged at ${path} while it is staged at ${volume.staged}`);
    volume.staged = path;
    return {};
  }

  async #unstage(id: string, path: string): Promise<Record<string, never>> {
    const volume = this.#volume(id);
    if (volume.published.size > 0) this.wrongs.push(`${id} unstaged at ${path} while it is published`);
    volume.staged = undefined;
    return {};
  }

  async #publish(request: NodePublishVolumeRequestOut): Promise<Record<string, never>> {
    const { volumeId, targetPath, volumeCapability, readonly } = request;
    const volume = this.#volume(volumeId);
    if (this.#stages && volume.staged === undefined && request.stagingTargetPath !== '')
      this.wrongs.push(`${volumeId} published at ${targetPath} without being staged`);
    const { mounter, data } = this.#options;
    const source = join(data, volumeId.replaceAll('/', '_'));
    if (!(await mounter.isMountPoint(targetPath))) {
      await makeBoth(source, targetPath, volumeCapability);
      await mounter.mount({ source, target: targetPath, fsType: null, flags: MountFlag.bind });
      if (readonly && volumeCapability?.block == null)
        await mounter.mount({
          source: 'none',
          target: targetPath,
          fsType: null,
          flags: MountFlag.bind | MountFlag.remount | MountFlag.readOnly,
        });
    }
    volume.published.add(targetPath);
    return {};
  }

  async #unpublish(id: string, path: string): Promise<Record<string, never>> {
    const { mounter } = this.#options;
    const once = async () => {
      await mounter.unmount(path);
      return true;
    };
    while (await ignoring(['EINVAL', 'ENOENT'], once)) {
      // As often as it was mounted.
    }
    await rm(path, { force: true }).catch(() => rmdir(path).catch(() => {})); // what is in it is not its business
    this.#volume(id).published.delete(path);
    return {};
  }
}

async function makeBoth(source: string, target: string, capability: VolumeCapabilityOut | null): Promise<void> {
  if (capability?.block != null) {
    await writeFile(source, '', { flag: 'a' });
    await writeFile(target, '', { flag: 'a' });
    return;
  }
  await mkdir(source, { recursive: true });
  await mkdir(target, { recursive: true });
}

const SOME_STATS: NodeGetVolumeStatsResponse = {
  usage: [
    { unit: 'BYTES', total: 1000, used: 400, available: 600 },
    { unit: 'INODES', total: 10, used: 4, available: 6 },
  ],
};

/** An answer that is a refusal: the driver has done nothing. */
export function refuses(message = 'no'): FakeFault {
  return () => {
    throw new RpcStatus(status.INTERNAL, message);
  };
}
