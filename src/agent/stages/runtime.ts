import { type Cri, connectCri } from '../../cri/client.ts';
import { StartGate } from '../../cri/gate.ts';
import type { Base } from './preflight.ts';

/** The container runtime. */
export interface Runtime {
  readonly cri: Cri;
  /** Calls that create or start something queue here, node-wide. */
  readonly gate: StartGate;
}

/** Connects lazily: a runtime that is down is no error here. */
export function connectRuntime({ loaded, clock, metrics, tracing }: Base, stack: AsyncDisposableStack): Runtime {
  const { config, options } = loaded;
  const cri = stack.use(
    connectCri({
      runtimeEndpoint: config.containerRuntimeEndpoint,
      imageEndpoint: config.imageServiceEndpoint || undefined,
      requestTimeoutMs: config.runtimeRequestTimeout,
      onCall: (call) => metrics.call(call),
      tracing: tracing?.spans,
    }),
  );
  const gate = stack.use(new StartGate({ clock, ...(options.tsGateLimit > 0 ? { limit: options.tsGateLimit } : {}) }));
  return { cri, gate };
}
