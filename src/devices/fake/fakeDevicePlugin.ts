// A device plug-in for tests: serves v1beta1 on a socket of its own, and can hang, lie, vanish and come back.
import { join } from 'node:path';
import type {
  ContainerAllocateResponse,
  Device,
  DevicePluginOptions,
  PreferredAllocationRequestOut,
} from '../../plugins/generated/device/device.ts';
import { deviceProtocol } from '../../plugins/protocols/device.ts';
import { createCaller } from '../../rpc/caller.ts';
import { Connection } from '../../rpc/connection.ts';
import { type RpcServer, startRpcServer } from '../../rpc/server.ts';
import { type ReplyStream, serveService } from '../../rpc/service.ts';

export interface FakeDevicePluginOptions {
  /** `<root>/device-plugins`. */
  readonly directory: string;
  readonly resource: string;
  readonly devices: readonly Device[];
  readonly options?: DevicePluginOptions;
  /** Name of its socket. Default: of the resource. */
  readonly socket?: string;
}

/** Devices by id, all healthy; `nodes` names a NUMA node for each. */
export function healthyDevices(ids: readonly string[], nodes?: readonly number[]): Device[] {
  return ids.map((ID, i) => ({
    ID,
    health: 'Healthy',
    ...(nodes && { topology: { nodes: [{ ID: String(nodes[i]!) }] } }),
  }));
}

/** A plug-in that serves. Every handler may be replaced. Disposing it is its end: its socket vanishes, its connections break. */
export class FakeDevicePlugin implements AsyncDisposable {
  readonly path: string;
  /** Every call that came, in order: the method, and the ids that it was about. */
  readonly calls: (readonly [method: string, ...ids: string[]])[] = [];
  /** Answers of Allocate; may hang or throw. */
  allocate: (ids: readonly string[]) => ContainerAllocateResponse | Promise<ContainerAllocateResponse> = (ids) => ({
    envs: { DEVICES: ids.join(',') },
  });
  /** Answers of GetPreferredAllocation. */
  preferred: (request: PreferredAllocationRequestOut['containerRequests'][number]) => string[] | Promise<string[]> =
    () => [];
  preStart: (ids: readonly string[]) => void | Promise<void> = () => {};
  optionsAnswer: () => DevicePluginOptions | Promise<DevicePluginOptions>;
  readonly #options: FakeDevicePluginOptions;
  readonly #streams = new Set<ReplyStream<{ devices?: Device[] }>>();
  readonly #ends = new Set<() => void>();
  #devices: Device[];
  #server: RpcServer | undefined;

  private constructor(options: FakeDevicePluginOptions) {
    this.#options = options;
    this.#devices = [...options.devices];
    this.optionsAnswer = () => options.options ?? {};
    this.path = join(options.directory, options.socket ?? `${options.resource.replaceAll('/', '-')}.sock`);
  }

  /** Starts to serve. It registers nowhere. */
  static async start(options: FakeDevicePluginOptions): Promise<FakeDevicePlugin> {
    const plugin = new FakeDevicePlugin(options);
    await plugin.serve();
    return plugin;
  }

  /** Makes its socket, also again after `vanish`. */
  async serve(): Promise<void> {
    const service = serveService(deviceProtocol, 'v1beta1.DevicePlugin', {
      GetDevicePluginOptions: () => {
        this.calls.push(['options']);
        return this.optionsAnswer();
      },
      ListAndWatch: async (_request, { signal }, out) => {
        this.calls.push(['list']);
        const over = Promise.withResolvers<void>();
        signal.addEventListener('abort', () => over.resolve(), { once: true });
        this.#streams.add(out);
        this.#ends.add(over.resolve);
        try {
          await out.send({ devices: this.#devices });
          await over.promise;
        } finally {
          this.#streams.delete(out);
          this.#ends.delete(over.resolve);
        }
      },
      GetPreferredAllocation: async ({ containerRequests }) => {
        const [request] = containerRequests;
        this.calls.push(['preferred', ...request!.availableDeviceIDs]);
        return { containerResponses: [{ deviceIDs: await this.preferred(request!) }] };
      },
      Allocate: async ({ containerRequests }) => {
        const ids = containerRequests[0]!.devicesIds;
        this.calls.push(['allocate', ...ids]);
        return { containerResponses: [await this.allocate(ids)] };
      },
      PreStartContainer: async ({ devicesIds }) => {
        this.calls.push(['preStart', ...devicesIds]);
        await this.preStart(devicesIds);
        return {};
      },
    });
    this.#server = await startRpcServer({ path: this.path, services: [service] });
  }

  /** Registers at kubelet's socket. Rejects with what kubelet says. */
  async register(more: { version?: string; endpoint?: string; resource?: string } = {}): Promise<void> {
    const endpoint = join(this.#options.directory, 'kubelet.sock');
    using connection = new Connection({ endpoint, peer: 'kubelet' });
    await connection.ready(5000);
    const caller = createCaller(connection, deviceProtocol, 'v1beta1.Registration', 20_000);
    await caller.unary('Register', {
      version: more.version ?? 'v1beta1',
      endpoint: more.endpoint ?? this.path.slice(this.#options.directory.length + 1),
      resourceName: more.resource ?? this.#options.resource,
    });
  }

  /** Tells a new list to whoever listens. */
  async say(devices: readonly Device[]): Promise<void> {
    this.#devices = [...devices];
    await Promise.all([...this.#streams].map((out) => out.send({ devices: this.#devices })));
  }

  /** Ends the list in order; the socket stays. */
  endLists(): void {
    for (const end of this.#ends) end();
  }

  /** Who follows its list now. */
  get listeners(): number {
    return this.#streams.size;
  }

  /** How often a method was called. */
  count(method: string): number {
    return this.calls.filter(([name]) => name === method).length;
  }

  /** kill -9: connections break, the socket is nobody's. */
  async vanish(): Promise<void> {
    for (const end of this.#ends) end();
    await this.#server?.close();
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vanish();
  }
}
