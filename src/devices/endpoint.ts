// The connection to one device plug-in: its list of devices, and the calls to it. Each call has a deadline: plug-ins hang.
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { MAX_SOCKET_PATH } from '../lib/linux/unixAddress.ts';
import type {
  ContainerAllocateResponseOut,
  DeviceOut,
  DevicePluginOptionsOut,
  ListAndWatchResponseOut,
} from '../plugins/generated/device/device.ts';
import { deviceProtocol } from '../plugins/protocols/device.ts';
import { createCaller } from '../rpc/caller.ts';
import { Connection } from '../rpc/connection.ts';
import { rpcText } from '../rpc/goText.ts';
import { encodeAnswer } from './deviceAnswer.ts';
import type { PreferenceQuestion } from './rules/choose.ts';
import { MAX_ANSWER_BYTES, MAX_MESSAGE_BYTES, MAX_MESSAGE_PARTS } from './rules/limits.ts';
import type { DeviceTimeouts } from './timeouts.ts';

/** Why a plug-in cannot be used, or did not do what it was asked: Go's words. */
export class DevicePluginError extends KubeletError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: 'DevicePluginFailed', cause });
  }
}

/** Who hears of the plug-in's devices. */
export interface EndpointListener {
  /** A new list; the next one is taken when the promise has settled. */
  devices(devices: readonly DeviceOut[]): Promise<void>;
  /** The plug-in's list has ended, called once: nothing can be given of its resource. Not called after a dispose. */
  ended(problem: string): void;
}

/** What a plug-in allocated to a container. */
export interface AllocatedAnswer {
  readonly response: ContainerAllocateResponseOut;
  /** The same, encoded. */
  readonly bytes: Uint8Array;
}

/** A connected device plug-in. */
export class DeviceEndpoint implements Disposable {
  readonly resource: string;
  readonly options: DevicePluginOptionsOut;
  readonly #connection: Connection;
  readonly #timeouts: DeviceTimeouts;
  readonly #caller;
  #over = false;

  private constructor(
    resource: string,
    connection: Connection,
    options: DevicePluginOptionsOut,
    timeouts: DeviceTimeouts,
  ) {
    this.resource = resource;
    this.options = options;
    this.#connection = connection;
    this.#timeouts = timeouts;
    this.#caller = callerOf(connection, timeouts);
  }

  /** Connects and asks for the plug-in's options. Rejects with a DevicePluginError. */
  static async connect(
    resource: string,
    socket: string,
    timeouts: DeviceTimeouts,
    signal: AbortSignal | undefined,
  ): Promise<DeviceEndpoint> {
    if (Buffer.byteLength(socket) > MAX_SOCKET_PATH)
      throw new DevicePluginError(
        `failed to dial device plugin: nobody can connect to a socket whose path is longer than ${MAX_SOCKET_PATH} bytes`,
      );
    let connection: Connection;
    try {
      connection = new Connection({
        ...{ endpoint: socket, peer: 'device plug-in' },
        maxMessageBytes: MAX_MESSAGE_BYTES,
        maxParts: MAX_MESSAGE_PARTS,
      });
    } catch (error) {
      throw new DevicePluginError(`failed to dial device plugin: ${errorMessage(error)}`, error);
    }
    try {
      await connection.ready(timeouts.connectMs, signal).catch((error) => {
        throw new DevicePluginError(`failed to dial device plugin: ${errorMessage(error)}`, error);
      });
      const asked = callerOf(connection, timeouts).unary('GetDevicePluginOptions', {}, { signal }, timeouts.optionsMs);
      const options = await asked.catch((error) => {
        throw new DevicePluginError(`failed to get device plugin options: ${rpcText(error)}`, error);
      });
      return new DeviceEndpoint(resource, connection, options, timeouts);
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
  }

  /** Follows the plug-in's list until it ends or the endpoint is disposed. */
  watch(listener: EndpointListener): void {
    let ended = false;
    const end = (problem: string) => {
      if (ended || this.#over) return;
      ended = true;
      listener.ended(problem);
    };
    this.#connection.stream(
      deviceProtocol.method('v1beta1.DevicePlugin', 'ListAndWatch'),
      {},
      {
        onMessage: (message) => {
          if (ended || this.#over) return undefined;
          return listener
            .devices((message as ListAndWatchResponseOut).devices)
            .catch((error) => end(errorMessage(error)));
        },
        onEnd: (error) => end(error ? rpcText(error) : 'it ended its list of devices'),
      },
      {},
    );
  }

  /** GetPreferredAllocation. Rejects with Go's sentence. */
  async preferred(question: PreferenceQuestion, signal?: AbortSignal): Promise<readonly string[]> {
    const { available, mustInclude, size } = question;
    const request = {
      availableDeviceIDs: [...available],
      mustIncludeDeviceIDs: [...mustInclude],
      allocationSize: size,
    };
    const asked = this.#caller.unary(
      'GetPreferredAllocation',
      { containerRequests: [request] },
      { signal },
      this.#timeouts.allocateMs,
    );
    const answer = await asked.catch((error) => {
      throw new DevicePluginError(`device plugin GetPreferredAllocation rpc failed with err: ${rpcText(error)}`, error);
    });
    return answer.containerResponses[0]?.deviceIDs ?? [];
  }

  /** Allocate, for one container. Rejects with Go's sentence. */
  async allocate(ids: readonly string[], signal?: AbortSignal): Promise<AllocatedAnswer> {
    const request = { containerRequests: [{ devicesIds: [...ids] }] };
    const asked = this.#caller.unary('Allocate', request, { signal }, this.#timeouts.allocateMs);
    const answer = await asked.catch((error) => {
      throw new DevicePluginError(rpcText(error), error);
    });
    const response = answer.containerResponses[0];
    if (!response) throw new DevicePluginError('no containers return in allocation response &AllocateResponse{}');
    const bytes = encodeAnswer(response);
    if (bytes.length > MAX_ANSWER_BYTES)
      throw new DevicePluginError(
        `the device plug-in of ${this.resource} answered ${bytes.length} bytes for one container; at most ${MAX_ANSWER_BYTES} are taken`,
      );
    return { response, bytes };
  }

  /** PreStartContainer. Rejects with Go's sentence. */
  async preStart(ids: readonly string[], signal?: AbortSignal): Promise<void> {
    const asked = this.#caller.unary(
      'PreStartContainer',
      { devicesIds: [...ids] },
      { signal },
      this.#timeouts.preStartMs,
    );
    await asked.catch((error) => {
      throw new DevicePluginError(`device plugin PreStartContainer rpc failed with err: ${rpcText(error)}`, error);
    });
  }

  /** Ends the list and breaks calls under way. */
  [Symbol.dispose](): void {
    this.#over = true;
    this.#connection[Symbol.dispose]();
  }
}

function callerOf(connection: Connection, timeouts: DeviceTimeouts) {
  return createCaller(connection, deviceProtocol, 'v1beta1.DevicePlugin', timeouts.allocateMs);
}
