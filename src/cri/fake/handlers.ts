// The shape of the fake's RPC handlers.
import type { ImageServiceMethods, RuntimeServiceMethods } from '../generated/runtime.ts';

export interface CallContext {
  /** Aborted when the client cancelled or its deadline passed. */
  signal: AbortSignal;
}

type HandlersOf<Methods> = {
  [M in keyof Methods]?: Methods[M] extends { stream: false; received: infer Received; reply: infer Reply }
    ? (request: Received, context: CallContext) => Reply | Promise<Reply>
    : never;
};

export type RuntimeHandlers = HandlersOf<RuntimeServiceMethods>;
export type ImageHandlers = HandlersOf<ImageServiceMethods>;
/** A handler without its types, as the dispatcher calls it. */
export type AnyHandler = (request: object, context: CallContext) => object | Promise<object>;
