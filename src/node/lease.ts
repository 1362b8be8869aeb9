import { isConflict, isNotFound, isObjectGone } from '../api/apiError.ts';
import { backoffDelay } from '../lib/backoff.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { Lease, LeaseSpec, Node } from '../types/k8s.ts';
import type { HeartbeatOptions } from './types.ts';

const NAMESPACE = 'kube-node-lease';
/** Attempts at one renewal before the next period. */
const UPDATES = 5;
const RENEW_FRACTION = 0.25;
const JITTER = 0.04;
const ENSURE_RETRY = { initialMs: 200, maxMs: 7_000, jitter: 0.1 } as const;

/** The calls the lease needs; `ApiClient` satisfies it. Give it a client without a rate limit. */
export interface LeaseApi {
  get(kind: 'Lease', ref: { namespace: string; name: string }, options?: HeartbeatOptions): Promise<Lease>;
  get(kind: 'Node', ref: { name: string }, options?: HeartbeatOptions): Promise<Node>;
  create(kind: 'Lease', object: Lease, options?: HeartbeatOptions): Promise<Lease>;
  update(kind: 'Lease', object: Lease, options?: HeartbeatOptions): Promise<Lease>;
}

export interface LeaseOptions {
  readonly api: LeaseApi;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly nodeName: string;
  readonly durationSeconds: number;
  /** Called when a heartbeat failed more than once in a row: the connection may be dead. */
  readonly onRepeatedFailure?: () => void;
  readonly signal: AbortSignal;
}

/**
 * Keeps the node's Lease alive, from registration until the process ends (shutdown of the node included). Renews every quarter
 * of the duration, whether the Node exists or not; only a Lease that is gone with its Node waits for the Node to come back. Resolves
 * when the signal aborts.
 */
export async function keepLease(options: LeaseOptions): Promise<void> {
  const { clock, random, signal, logger } = options;
  const period = options.durationSeconds * 1000 * RENEW_FRACTION;
  let latest: Lease | undefined;
  while (!signal.aborted) {
    try {
      latest = await renewOnce(options, latest);
    } catch (error) {
      if (signal.aborted) return;
      logger.error('Could not renew the node lease', { error: errorMessage(error) });
      latest = undefined; // look at what is there before the next write
    }
    await sleep(clock, period * (1 + JITTER * random()), signal).catch(() => undefined);
  }
}

async function renewOnce(options: LeaseOptions, latest: Lease | undefined): Promise<Lease | undefined> {
  if (latest) {
    try {
      return await update(options, latest);
    } catch (error) {
      options.signal.throwIfAborted();
      options.logger.info('Reading the node lease again, because it could not be renewed', {
        error: errorMessage(error),
      });
    }
  }
  const found = await ensure(options);
  return found && !found.created ? update(options, found.lease) : found?.lease;
}

async function update(options: LeaseOptions, base: Lease): Promise<Lease> {
  const { api, signal } = options;
  const call = callOptions(options);
  let current = base;
  for (let attempt = 1; ; attempt++) {
    try {
      return await api.update('Lease', await renewed(options, current), call);
    } catch (error) {
      signal.throwIfAborted();
      if (attempt > 1) options.onRepeatedFailure?.();
      if (attempt === UPDATES || isNotFound(error)) throw error;
      if (!isConflict(error)) continue;
      const found = await ensure(options);
      if (!found) throw error;
      current = found.lease;
    }
  }
}

/**
 * The Lease as the API holds it; created if it is missing. Tries until it succeeds or the signal aborts. Undefined while there is
 * neither the Lease nor the Node that it would belong to: the next period looks again.
 */
async function ensure(options: LeaseOptions): Promise<{ lease: Lease; created: boolean } | undefined> {
  const { api, clock, random, signal, nodeName, logger } = options;
  const ref = { namespace: NAMESPACE, name: nodeName };
  for (let attempt = 0; ; attempt++) {
    try {
      const found = await api.get('Lease', ref, callOptions(options)).catch((error) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (found) return { lease: found, created: false };
      return {
        lease: await api.create('Lease', await renewed(options, undefined), callOptions(options)),
        created: true,
      };
    } catch (error) {
      signal.throwIfAborted();
      if (isObjectGone(error, 'nodes', nodeName)) return undefined;
      const waitMs = Math.round(backoffDelay(ENSURE_RETRY, attempt, random()));
      logger.warn('Could not ensure the node lease; trying again', { error: errorMessage(error), waitMs });
      await sleep(clock, waitMs, signal);
    }
  }
}

/** The Lease to write. Without its owner (the Node is not read yet) a new one is not made, but an old one is renewed. */
async function renewed(options: LeaseOptions, base: Lease | undefined): Promise<Lease> {
  const { api, clock, nodeName, durationSeconds } = options;
  const owners = base?.metadata?.ownerReferences ?? [];
  const owner =
    owners.length > 0
      ? undefined
      : await api.get('Node', { name: nodeName }, callOptions(options)).catch(rethrowIf(!base));
  const uid = owner?.metadata?.uid;
  const spec: LeaseSpec = {
    ...base?.spec,
    holderIdentity: base?.spec?.holderIdentity ?? nodeName,
    leaseDurationSeconds: durationSeconds,
    renewTime: new Date(clock.now().wall).toISOString().replace('Z', '000Z'),
  };
  const metadata = base?.metadata ?? { name: nodeName, namespace: NAMESPACE };
  const own = uid === undefined ? owners : [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid }];
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { ...metadata, ...(own.length > 0 && { ownerReferences: own }) },
    spec,
  };
}

function rethrowIf(condition: boolean): (error: unknown) => undefined {
  return (error) => {
    if (condition) throw error;
  };
}

/** A quarter of the lease: an attempt that hangs leaves time for others. */
function callOptions({ signal, durationSeconds }: LeaseOptions): HeartbeatOptions {
  return { signal, timeoutMs: durationSeconds * 1000 * RENEW_FRACTION };
}
