// One plug-in of a DRA driver: its connection, and the two calls of a kubelet.
import type { DeviceHealthOut, NodeWatchResourcesResponseOut } from '../plugins/generated/dra/draHealth.ts';
import type {
  Claim,
  NodePrepareResourceResponseOut,
  NodeUnprepareResourceResponseOut,
} from '../plugins/generated/dra/draV1.ts';
import { draProtocol } from '../plugins/protocols/dra.ts';
import { createCaller } from '../rpc/caller.ts';
import { Connection } from '../rpc/connection.ts';
import type { CallRecord } from '../rpc/connectionOptions.ts';
import { rpcText } from '../rpc/goText.ts';
import type { DraService } from './rules/services.ts';

/** How long a driver has for each call; kubelet's. Milliseconds. */
const DRA_CALL_MS = 45_000;
/** Longest answer and request, in bytes: a claim has at most 32 devices. It all goes into the checkpoint. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Fields of one answer at all depths. */
const MAX_MESSAGE_PARTS = 65_536;

/** The services by their full names in the API. */
export const DRA_PACKAGE = 'k8s.io.kubelet.pkg.apis.dra';

export interface DraPluginOptions {
  readonly driver: string;
  /** Path of its socket. */
  readonly endpoint: string;
  readonly service: DraService;
  /** Told of each call that ended; `method` with its service, as metrics have it. */
  readonly onCall?: ((driver: string, method: string, call: CallRecord) => void) | undefined;
  /** For tests. */
  readonly timeoutMs?: number | undefined;
}

/** A plug-in in use. Every call has a deadline; what it rejects with is an Error in the words of Go's gRPC. */
export class DraPlugin implements Disposable {
  readonly driver: string;
  readonly endpoint: string;
  readonly service: DraService;
  readonly #connection: Connection;
  readonly #caller;
  readonly #watching: Disposable;
  #connected = false;

  /** Connects at once, and again after a break: `onConnected` hears of each change of `connected`. Throws on an endpoint that is no unix socket. */
  constructor(options: DraPluginOptions, onConnected: () => void) {
    const { driver, endpoint, service, onCall } = options;
    this.driver = driver;
    this.endpoint = endpoint;
    this.service = service;
    this.#connection = new Connection({
      endpoint,
      peer: 'DRA driver',
      maxMessageBytes: MAX_MESSAGE_BYTES,
      maxParts: MAX_MESSAGE_PARTS,
      onCall: onCall && ((call) => onCall(driver, `/${DRA_PACKAGE}.${service}/${call.method}`, call)),
    });
    // Requests and answers of v1beta1 are those of v1 without the id of a share.
    this.#caller = createCaller(
      this.#connection,
      draProtocol,
      `${DRA_PACKAGE}.${service}` as `${typeof DRA_PACKAGE}.v1.DRAPlugin`,
      options.timeoutMs ?? DRA_CALL_MS,
    );
    this.#watching = this.#connection.watch((connected) => {
      if (connected === this.#connected) return;
      this.#connected = connected;
      onConnected();
    });
  }

  /** Whether its socket's server speaks gRPC at present. */
  get connected(): boolean {
    return this.#connected;
  }

  /** NodePrepareResources: the answer by UID of the claim, not checked. */
  async prepare(
    claims: readonly Claim[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, NodePrepareResourceResponseOut>>> {
    return (await said(this.#caller.unary('NodePrepareResources', { claims: [...claims] }, { signal }))).claims;
  }

  /** NodeUnprepareResources: the answer by UID of the claim, not checked. */
  async unprepare(
    claims: readonly Claim[],
    signal: AbortSignal,
  ): Promise<Readonly<Record<string, NodeUnprepareResourceResponseOut>>> {
    return (await said(this.#caller.unary('NodeUnprepareResources', { claims: [...claims] }, { signal }))).claims;
  }

  /** Hears of its devices' health until the signal aborts or the stream ends. The next message is read when `onMessage` has settled. */
  health(
    signal: AbortSignal,
    { onMessage, onEnd }: { onMessage(devices: readonly DeviceHealthOut[]): Promise<void>; onEnd(): void },
  ): void {
    this.#connection.stream(
      draProtocol.method('v1alpha1.DRAResourceHealth', 'NodeWatchResources'),
      {},
      { onMessage: (message) => onMessage((message as NodeWatchResourcesResponseOut).devices), onEnd: () => onEnd() },
      { signal },
    );
  }

  /** Ends its calls; their outcome is unknown. */
  [Symbol.dispose](): void {
    this.#watching[Symbol.dispose]();
    this.#connection[Symbol.dispose]();
  }
}

async function said<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw new Error(rpcText(error), { cause: error });
  }
}
