import { isAlreadyExists, isForbidden } from '../api/apiError.ts';
import { backoffDelay } from '../lib/backoff.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Node } from '../types/k8s.ts';
import { reconciledNode } from './nodeObject.ts';
import { OWN_CONDITIONS } from './rules/conditions.ts';
import { nodeChanged, nodeStatusPatch } from './rules/statusPatch.ts';
import type { NodeApi, NodeStartup } from './types.ts';

/** kubelet's waits between attempts to register, with jitter so that a fleet does not come at once. */
const RETRY = { initialMs: 100, maxMs: 7_000, jitter: 0.1 } as const;

export interface RegistrationOptions {
  readonly api: NodeApi;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** Makes the object afresh for each attempt. */
  readonly initialNode: () => Promise<Node>;
  /** Device plugins' resources are unknown after the node was re-created. */
  readonly resetExtended?: boolean;
  /** Told before each attempt, and when the API server has made a new Node. */
  readonly startup?: Pick<NodeStartup, 'attempt' | 'created'>;
  /** Told of each failed attempt: until one succeeds nothing is known from the API server. */
  readonly onProblem?: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Registers the node and resolves with the object that the API server holds then. A Node that exists already is reconciled.
 * Tries until it succeeds; rejects only with the signal's reason.
 */
export async function registerNode(options: RegistrationOptions): Promise<Node> {
  const { clock, logger, random, signal } = options;
  for (let attempt = 0; ; attempt++) {
    try {
      return await tryRegister(options);
    } catch (error) {
      signal.throwIfAborted();
      const waitMs = Math.round(backoffDelay(RETRY, attempt, random()));
      logger.warn('Could not register the node; trying again', { error: errorMessage(error), waitMs });
      options.onProblem?.(errorMessage(error));
      await sleep(clock, waitMs, signal);
    }
  }
}

async function tryRegister({ api, initialNode, resetExtended, startup, signal }: RegistrationOptions): Promise<Node> {
  const initial = await initialNode();
  startup?.attempt();
  try {
    const created = await api.create('Node', initial, { signal });
    startup?.created();
    return created;
  } catch (error) {
    // A node that may not create Nodes may still have one that an administrator made.
    if (!isAlreadyExists(error) && !isForbidden(error)) throw error;
  }
  const ref = { name: initial.metadata!.name! };
  const existing = await api.get('Node', ref, { signal });
  const wanted = reconciledNode(existing, initial, resetExtended);
  if (!nodeChanged(existing, wanted)) return existing;
  const patch = nodeStatusPatch(existing, wanted, OWN_CONDITIONS);
  return api.patch('Node', ref, 'strategic', patch, { subresource: 'status', signal });
}
