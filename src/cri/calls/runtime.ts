// The runtime itself: version, status, configuration.
import type { CriCallOptions, RuntimeCaller } from '../callers.ts';
import type {
  RuntimeConfig,
  RuntimeConfigResponseOut,
  StatusResponseOut,
  VersionResponseOut,
} from '../generated/runtime.ts';

/** Calls about the runtime as a whole. All reject with CriError. */
export interface RuntimeCalls {
  version(options?: CriCallOptions): Promise<VersionResponseOut>;
  /** Conditions, runtime handlers and features; `verbose` adds the runtime's own `info`. */
  status(verbose?: boolean, options?: CriCallOptions): Promise<StatusResponseOut>;
  /** Tells among others the cgroup driver; Unimplemented on old runtimes. */
  runtimeConfig(options?: CriCallOptions): Promise<RuntimeConfigResponseOut>;
  /** Hands the node's Pod CIDRs to the runtime. */
  updateRuntimeConfig(config: RuntimeConfig, options?: CriCallOptions): Promise<void>;
}

/** The kubelet's version of the runtime API, sent with Version. */
const KUBELET_API_VERSION = '0.1.0';

export function runtimeCalls(caller: RuntimeCaller): RuntimeCalls {
  return {
    version: (options) => caller.unary('Version', { version: KUBELET_API_VERSION }, options),
    status: (verbose = false, options) => caller.unary('Status', { verbose }, options),
    runtimeConfig: (options) => caller.unary('RuntimeConfig', {}, options),
    async updateRuntimeConfig(runtimeConfig, options) {
      await caller.unary('UpdateRuntimeConfig', { runtimeConfig }, options);
    },
  };
}
