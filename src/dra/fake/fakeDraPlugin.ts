// A DRA driver's plug-in for tests: serves v1 or v1beta1 on a socket of its own, and can hang, lie, vanish and come back.
import { join } from 'node:path';
import type { HealthStatus, NodeWatchResourcesResponse } from '../../plugins/generated/dra/draHealth.ts';
import type { ClaimOut, Device, NodePrepareResourceResponse } from '../../plugins/generated/dra/draV1.ts';
import type { PluginInfo } from '../../plugins/handler.ts';
import { draProtocol } from '../../plugins/protocols/dra.ts';
import { type RpcServer, startRpcServer } from '../../rpc/server.ts';
import { type ReplyStream, serveService } from '../../rpc/service.ts';
import type { ResourceClaim } from '../../types/k8s.ts';
import { DRA_PACKAGE } from '../plugin.ts';
import type { DraService } from '../rules/services.ts';

export interface FakeDraPluginOptions {
  readonly directory: string;
  readonly driver: string;
  /** Default: `v1.DRAPlugin`. */
  readonly service?: DraService;
  /** It tells of its devices' health. */
  readonly health?: boolean;
  /** Name of its socket. Default: of the driver. */
  readonly socket?: string;
}

/** A plug-in that serves. It registers nowhere: a test hands `info` to the handler. Disposing it is its end. */
export class FakeDraPlugin implements AsyncDisposable {
  readonly info: PluginInfo;
  /** Every call that came, in order: the method, and the claims by name. */
  readonly calls: (readonly [method: 'prepare' | 'unprepare', ...claims: string[]])[] = [];
  /** The answer for one claim; may hang or throw. Default: one device of every claim. */
  prepare: (claim: ClaimOut) => NodePrepareResourceResponse | Promise<NodePrepareResourceResponse>;
  unprepare: (claim: ClaimOut) => { error?: string } | Promise<{ error?: string }> = () => ({});
  /** What becomes of a whole answer. */
  lie: <T>(answer: Record<string, T>) => Record<string, T> = (answer) => answer;
  readonly #streams = new Set<ReplyStream<NodeWatchResourcesResponse>>();
  readonly #service: DraService;
  #server: RpcServer | undefined;

  private constructor({ directory, driver, socket, health = false, service = 'v1.DRAPlugin' }: FakeDraPluginOptions) {
    const endpoint = join(directory, socket ?? `${driver}.sock`);
    this.info = {
      type: 'DRAPlugin',
      name: driver,
      endpoint,
      socket: endpoint,
      versions: [service, ...(health ? ['v1alpha1.DRAResourceHealth'] : [])],
    };
    this.#service = service;
    this.prepare = ({ name }) => ({ devices: [this.device(name)] });
  }

  /** Starts to serve. */
  static async start(options: FakeDraPluginOptions): Promise<FakeDraPlugin> {
    const plugin = new FakeDraPlugin(options);
    await plugin.serve();
    return plugin;
  }

  /** A device that it gives for a claim. */
  device(claim: string, requestNames: string[] = []): Device {
    return { poolName: 'pool', deviceName: claim, requestNames, cdiDeviceIds: [`vendor.example/gpu=${claim}`] };
  }

  /** Makes its socket, also again after `vanish`. */
  async serve(): Promise<void> {
    const service = serveService(
      draProtocol,
      `${DRA_PACKAGE}.${this.#service}` as `${typeof DRA_PACKAGE}.v1.DRAPlugin`,
      {
        NodePrepareResources: async ({ claims }) => {
          this.calls.push(['prepare', ...claims.map(({ name }) => name)]);
          return { claims: this.lie(await answers(claims, (claim) => this.prepare(claim))) };
        },
        NodeUnprepareResources: async ({ claims }) => {
          this.calls.push(['unprepare', ...claims.map(({ name }) => name)]);
          return { claims: this.lie(await answers(claims, (claim) => this.unprepare(claim))) };
        },
      },
    );
    const health = serveService(draProtocol, 'v1alpha1.DRAResourceHealth', {
      NodeWatchResources: async (_request, { signal }, out) => {
        const over = Promise.withResolvers<void>();
        signal.addEventListener('abort', () => over.resolve(), { once: true });
        this.#streams.add(out);
        await over.promise;
        this.#streams.delete(out);
      },
    });
    this.#server = await startRpcServer({ path: this.info.endpoint, services: [service, health] });
  }

  /** How many listen to its devices' health. */
  get listeners(): number {
    return this.#streams.size;
  }

  /** Tells of the health of the device that `device` names for a claim. */
  async say(claim: string, health: HealthStatus, message = '', healthCheckTimeoutSeconds = 0): Promise<void> {
    const device = { poolName: 'pool', deviceName: claim };
    const devices = [{ device, health, message, healthCheckTimeoutSeconds }];
    await Promise.all([...this.#streams].map((out) => out.send({ devices })));
  }

  /** How often a method was called. */
  count(method: 'prepare' | 'unprepare'): number {
    return this.calls.filter(([name]) => name === method).length;
  }

  /** kill -9: connections break, the socket is nobody's. */
  async vanish(): Promise<void> {
    await this.#server?.close();
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.vanish();
  }
}

async function answers<T>(
  claims: readonly ClaimOut[],
  answer: (claim: ClaimOut) => T | Promise<T>,
): Promise<Record<string, T>> {
  const all = await Promise.all(claims.map(async (claim): Promise<[string, T]> => [claim.uid, await answer(claim)]));
  return Object.fromEntries(all);
}

/** A claim that the scheduler has allocated, for these Pods. */
export function allocatedClaim(
  name: string,
  { drivers, pods, owner }: { drivers: readonly string[]; pods: readonly string[]; owner?: string },
): ResourceClaim & { metadata: { resourceVersion: string } } {
  const results = drivers.map((driver) => ({ driver, request: 'gpu', pool: 'pool', device: name }));
  const ownerReferences =
    owner === undefined ? [] : [{ apiVersion: 'v1', kind: 'Pod', name: 'owner', uid: owner, controller: true }];
  return {
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1', ownerReferences },
    spec: { devices: {} },
    status: {
      allocation: { devices: { results } },
      reservedFor: pods.map((uid) => ({ resource: 'pods', name: uid, uid })),
    },
  };
}
