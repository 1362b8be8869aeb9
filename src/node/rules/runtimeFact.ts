import type { StatusResponseOut } from '../../cri/generated/runtime.ts';
import { bounded } from '../../lib/bounded.ts';
import type { RuntimeFact } from '../types.ts';

/** A runtime that was not well for this long is reported as down (kubelet's maxWaitForContainerRuntime). */
export const RUNTIME_DOWN_MS = 30_000;

/** What is remembered between two answers of the runtime. */
export interface RuntimeMemory {
  /** Monotonic ms of the last answer in which the runtime was ready. */
  readonly goodAt?: number;
  readonly runtimeError?: string;
  readonly networkError?: string;
  readonly handlers?: RuntimeFact['handlers'];
  readonly features?: RuntimeFact['features'];
  /** Why the last question was not answered. */
  readonly callError?: string;
}

/** Before the first answer. */
export const NO_ANSWER_YET: RuntimeMemory = { networkError: 'network state unknown' };

/** Takes in an answer to CRI Status. */
export function withAnswer(memory: RuntimeMemory, answer: StatusResponseOut, now: number): RuntimeMemory {
  const { callError: _c, runtimeError: _r, networkError: _n, ...kept } = memory;
  const problem = (type: string) => {
    const condition = answer.status?.conditions.find((one) => one.type === type);
    if (condition?.status) return undefined;
    if (!condition) return '<nil>';
    return bounded(`${type}=false reason:${condition.reason} message:${condition.message}`);
  };
  const network = problem('NetworkReady');
  const runtime = problem('RuntimeReady');
  const networkError = network === undefined ? {} : { networkError: `container runtime network not ready: ${network}` };
  if (runtime !== undefined) {
    return { ...kept, ...networkError, runtimeError: `container runtime not ready: ${runtime}` };
  }
  const handlers = answer.runtimeHandlers.map(({ name, features }) => ({
    name,
    recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
    userNamespaces: features?.userNamespaces ?? false,
  }));
  return {
    ...networkError,
    goodAt: now,
    handlers: handlers.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)),
    ...(answer.features && {
      features: {
        supplementalGroupsPolicy: answer.features.supplementalGroupsPolicy,
        userNamespacesHostNetwork: answer.features.userNamespacesHostNetwork,
      },
    }),
  };
}

/** Takes in a question that was not answered; the last answer stays until it is too old. */
export function withFailure(memory: RuntimeMemory, error: string): RuntimeMemory {
  return { ...memory, callError: error };
}

/**
 * What the node makes of it at `now`. kubelet's sentences come first; that the runtime is down also says why, which the Go
 * kubelet keeps in its log.
 */
export function runtimeFact(memory: RuntimeMemory, now: number): RuntimeFact {
  const because = memory.callError === undefined ? '' : `: ${memory.callError}`;
  const errors: string[] = [];
  if (memory.goodAt === undefined) {
    errors.push(`container runtime status check may not have completed yet${because}`);
  } else if (now - memory.goodAt >= RUNTIME_DOWN_MS) {
    errors.push(`container runtime is down${because}`);
  }
  if (memory.runtimeError) errors.push(memory.runtimeError);
  const networkErrors = memory.networkError ? [memory.networkError] : [];
  return {
    runtimeReady: errors.length === 0,
    networkReady: networkErrors.length === 0,
    errors,
    networkErrors,
    ...(memory.handlers && { handlers: memory.handlers }),
    ...(memory.features && { features: memory.features }),
  };
}
