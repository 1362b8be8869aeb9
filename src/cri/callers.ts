// What the client's call groups are written in terms of: one caller for each service of a runtime.
import type { Caller, RpcCallOptions } from '../rpc/caller.ts';
import type { CriServices } from './protocol.ts';

export type CriCallOptions = RpcCallOptions;
export type RuntimeCaller = Caller<CriServices, 'runtime.v1.RuntimeService'>;
export type ImageCaller = Caller<CriServices, 'runtime.v1.ImageService'>;
export type TasksCaller = Caller<CriServices, 'containerd.services.tasks.v1.Tasks'>;
export type ContentCaller = Caller<CriServices, 'containerd.services.content.v1.Content'>;
