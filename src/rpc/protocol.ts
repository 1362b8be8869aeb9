// A gRPC protocol: its services, and how their messages are encoded. Built from a generated schema (hack/proto); no .proto file is
// read at run time.
import protobuf from 'protobufjs/light.js';
import { countParts } from './parts.ts';

/** The types of one RPC's messages, both ends: a client sends `request` and gets `response`, a server gets `received` and sends `reply`. */
export interface MessageTypes {
  request: object;
  received: object;
  response: object;
  reply: object;
  stream: boolean;
}
/** The name of a service, of those that a protocol's type parameter lists. */
export type ServiceName<Services> = keyof Services & string;
/** The name of an RPC of one service. */
export type MethodName<Services, S extends ServiceName<Services>> = keyof Services[S] & string;
/** The types of one RPC's messages. */
export type MethodTypes<Services, S extends ServiceName<Services>, M extends MethodName<Services, S>> = Services[S][M] &
  MessageTypes;

/** Encodes and decodes one direction of one RPC. */
export interface Codec {
  encode(message: object): Buffer;
  /** Throws on bytes that are not such a message. */
  decode(bytes: Uint8Array): object;
  /** As countParts. */
  parts(bytes: Uint8Array, most: number): number;
}
/** What is needed to call or to serve one RPC. */
export interface MethodCodec {
  name: string;
  path: string;
  stream: boolean;
  request: Codec;
  response: Codec;
}

// Absent messages are null, repeated fields and maps always there; 64-bit integers as strings because they exceed 2^53.
const DECODE: protobuf.IConversionOptions = { longs: String, enums: String, defaults: true };

/**
 * One schema with its services. The type parameter names every service and the types of its RPCs; it is not checked against the
 * schema at run time (both are generated from the same file).
 */
export class Protocol<Services> {
  readonly #schema: object;
  readonly #methods = new Map<string, MethodCodec>();
  #root: protobuf.Root | undefined;

  /** `schema`: what hack/proto/generate.ts wrote. Nothing is built before it is used. */
  constructor(schema: object) {
    this.#schema = schema;
  }

  /** The reflected schema; built once, on first use. */
  root(): protobuf.Root {
    if (!this.#root) {
      this.#root = protobuf.Root.fromJSON(this.#schema as protobuf.INamespace);
      this.#root.resolveAll();
    }
    return this.#root;
  }

  /** The codec of one message by its full name, for tests and recordings. Throws on a name that the schema does not have. */
  message(fullName: string): Codec {
    return messageCodec(this.root().lookupType(fullName));
  }

  /** The codec of one RPC. Throws on a name that the schema does not have. */
  method<S extends ServiceName<Services>>(service: S, method: string): MethodCodec {
    const path = `/${service}/${method}`;
    const known = this.#methods.get(path);
    if (known) return known;
    const reflected = this.root().lookupService(service).methods[method];
    if (!reflected?.resolvedRequestType || !reflected.resolvedResponseType)
      throw new Error(`no RPC ${path} in the schema`);
    const codec: MethodCodec = {
      name: method,
      path,
      stream: reflected.responseStream ?? false,
      request: messageCodec(reflected.resolvedRequestType),
      response: messageCodec(reflected.resolvedResponseType),
    };
    this.#methods.set(path, codec);
    return codec;
  }

  /** The RPC names of one service. */
  methods(service: ServiceName<Services>): string[] {
    return Object.keys(this.root().lookupService(service).methods);
  }
}

function messageCodec(type: protobuf.Type): Codec {
  return {
    encode: (message) => type.encode(type.fromObject(message)).finish() as Buffer,
    decode: (bytes) => type.toObject(type.decode(bytes), DECODE),
    parts: (bytes, most) => countParts(type, bytes, most),
  };
}
