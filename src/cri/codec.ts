// Message codecs for the runtime protocols, built from the generated schema; no .proto file is read at run time.
import protobuf from 'protobufjs/light.js';
import type { ContentMethods } from './generated/content.ts';
import type { ImageServiceMethods, RuntimeServiceMethods } from './generated/runtime.ts';
import schema from './generated/schema.json' with { type: 'json' };
import type { TasksMethods } from './generated/tasks.ts';

/** Every RPC of each service the client knows, with the types of its messages. */
export interface Services {
  'runtime.v1.RuntimeService': RuntimeServiceMethods;
  'runtime.v1.ImageService': ImageServiceMethods;
  'containerd.services.content.v1.Content': ContentMethods;
  'containerd.services.tasks.v1.Tasks': TasksMethods;
}
export type ServiceName = keyof Services;
export type MethodName<S extends ServiceName> = keyof Services[S] & string;
/** The types of one RPC's messages, both ends. */
export type MethodTypes<S extends ServiceName, M extends MethodName<S>> = Services[S][M] & {
  request: object;
  received: object;
  response: object;
  reply: object;
};

/** Encodes and decodes one direction of one RPC. */
export interface Codec {
  encode(message: object): Buffer;
  decode(bytes: Buffer): object;
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

let root: protobuf.Root | undefined;
const codecs = new Map<string, MethodCodec>();

/** The reflected schema; built once, on first use. */
export function protocolRoot(): protobuf.Root {
  if (!root) {
    root = protobuf.Root.fromJSON(schema as protobuf.INamespace);
    root.resolveAll();
  }
  return root;
}

function messageCodec(type: protobuf.Type): Codec {
  return {
    encode: (message) => type.encode(type.fromObject(message)).finish() as Buffer,
    decode: (bytes) => type.toObject(type.decode(bytes), DECODE),
  };
}

/** The codec of one message of runtime.v1, for tests and recordings. */
export function runtimeMessageCodec(name: string): Codec {
  return messageCodec(protocolRoot().lookupType(`runtime.v1.${name}`));
}

/** The codec of one RPC. Throws on a name that the schema does not have. */
export function methodCodec(service: ServiceName, method: string): MethodCodec {
  const path = `/${service}/${method}`;
  const known = codecs.get(path);
  if (known) return known;
  const reflected = protocolRoot().lookupService(service).methods[method];
  if (!reflected?.resolvedRequestType || !reflected.resolvedResponseType)
    throw new Error(`no RPC ${path} in the schema`);
  const codec: MethodCodec = {
    name: method,
    path,
    stream: reflected.responseStream ?? false,
    request: messageCodec(reflected.resolvedRequestType),
    response: messageCodec(reflected.resolvedResponseType),
  };
  codecs.set(path, codec);
  return codec;
}

/** The RPC names of one service. */
export function serviceMethods(service: ServiceName): string[] {
  return Object.keys(protocolRoot().lookupService(service).methods);
}
