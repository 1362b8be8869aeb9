// The runtime client: every RPC of CRI runtime.v1 as a typed method.
import { createCaller } from '../rpc/caller.ts';
import { Connection } from '../rpc/connection.ts';
import type { CallRecord } from '../rpc/connectionOptions.ts';
import type { Tracing } from '../tracing/spans.ts';
import type { ContainerCalls } from './calls/container.ts';
import { containerCalls } from './calls/container.ts';
import type { EventCalls } from './calls/events.ts';
import { eventCalls } from './calls/events.ts';
import type { ExecCalls } from './calls/exec.ts';
import { execCalls } from './calls/exec.ts';
import type { ImageCalls } from './calls/image.ts';
import { imageCalls } from './calls/image.ts';
import type { ProgressCalls } from './calls/progress.ts';
import { progressCalls } from './calls/progress.ts';
import type { RuntimeCalls } from './calls/runtime.ts';
import { runtimeCalls } from './calls/runtime.ts';
import type { SandboxCalls } from './calls/sandbox.ts';
import { sandboxCalls } from './calls/sandbox.ts';
import type { StatsCalls } from './calls/stats.ts';
import { statsCalls } from './calls/stats.ts';
import type { TaskCalls } from './calls/tasks.ts';
import { taskCalls } from './calls/tasks.ts';
import { CriError } from './error.ts';
import { criProtocol } from './protocol.ts';

export interface CriOptions {
  /** `unix:///run/containerd/containerd.sock` or an absolute path. */
  runtimeEndpoint: string;
  /** Where images are served, if elsewhere. */
  imageEndpoint?: string | undefined;
  /** Deadline of an ordinary call; RunPodSandbox, StopContainer, ExecSync and PullImage have their own. Default: 2 minutes. */
  requestTimeoutMs?: number | undefined;
  /** Called after every call, for metrics and the timeline; must not throw. */
  onCall?: ((record: CallRecord) => void) | undefined;
  /** The calls of CRI are spans, and the runtime is told of them. */
  tracing?: Tracing | undefined;
}

/** The runtime client. Its methods are plain functions without `this`. */
export type Cri = RuntimeCalls &
  SandboxCalls &
  ContainerCalls &
  ExecCalls &
  ImageCalls &
  StatsCalls &
  EventCalls &
  ProgressCalls &
  TaskCalls &
  Disposable;

const DEFAULT_REQUEST_TIMEOUT_MS = 120_000; // runtimeRequestTimeout of KubeletConfiguration
/** Where containerd keeps what CRI made. */
const CRI_NAMESPACE = { 'containerd-namespace': 'k8s.io' };

/** What containerd is asked besides CRI is progress for `why`, every ten seconds of a pull: no part of the work. */
const isCri = (path: string) => path.startsWith('/runtime.v1.');

/** A client of a runtime. Connects on the first call, and again whenever needed. Throws on an endpoint that is no unix socket. */
export function connectCri(options: CriOptions): Cri {
  const timeout = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
  const own = new DisposableStack();
  const open = (endpoint: string) =>
    own.use(
      new Connection({
        ...{ endpoint, peer: 'runtime', errorClass: CriError, onCall: options.onCall },
        ...{ tracing: options.tracing, traces: isCri },
      }),
    );
  const runtime = open(options.runtimeEndpoint);
  const elsewhere = options.imageEndpoint && options.imageEndpoint !== options.runtimeEndpoint;
  const images = elsewhere ? open(options.imageEndpoint as string) : runtime;
  const runtimeCaller = createCaller(runtime, criProtocol, 'runtime.v1.RuntimeService', timeout);
  return {
    ...runtimeCalls(runtimeCaller),
    ...sandboxCalls(runtimeCaller),
    ...containerCalls(runtimeCaller),
    ...execCalls(runtimeCaller),
    ...imageCalls(createCaller(images, criProtocol, 'runtime.v1.ImageService', timeout)),
    ...statsCalls(runtimeCaller),
    ...eventCalls(runtime),
    ...progressCalls(
      createCaller(images, criProtocol, 'containerd.services.content.v1.Content', timeout, CRI_NAMESPACE),
    ),
    ...taskCalls(createCaller(runtime, criProtocol, 'containerd.services.tasks.v1.Tasks', timeout, CRI_NAMESPACE)),
    [Symbol.dispose]: () => own.dispose(),
  };
}
