// The protocols that runtimes speak.
import type { Codec } from '../rpc/protocol.ts';
import { Protocol, type ServiceName } from '../rpc/protocol.ts';
import type { ContentMethods } from './generated/content.ts';
import type { ImageServiceMethods, RuntimeServiceMethods } from './generated/runtime.ts';
import schema from './generated/schema.json' with { type: 'json' };
import type { TasksMethods } from './generated/tasks.ts';

/** Every RPC of each service the client knows, with the types of its messages. */
export interface CriServices {
  'runtime.v1.RuntimeService': RuntimeServiceMethods;
  'runtime.v1.ImageService': ImageServiceMethods;
  'containerd.services.content.v1.Content': ContentMethods;
  'containerd.services.tasks.v1.Tasks': TasksMethods;
}
export type CriServiceName = ServiceName<CriServices>;

/** CRI runtime.v1 and the two services of containerd below it. */
export const criProtocol = new Protocol<CriServices>(schema);

/** The codec of one message of runtime.v1, for tests and recordings. */
export function runtimeMessageCodec(name: string): Codec {
  return criProtocol.message(`runtime.v1.${name}`);
}
