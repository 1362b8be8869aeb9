import { goQuote } from '../../k8s/goText.ts';
import type { ConfigMap, Secret } from '../../types/k8s.ts';
import type { Lookup } from '../contract.ts';
import { PayloadError, type Reference } from './payload.ts';

/** The object, or an empty one for an absent optional reference; otherwise an error. */
export function lookedUp<T extends ConfigMap | Secret>(lookup: Lookup<T>, reference: Reference): T {
  if (lookup.state === 'present') return lookup.object;
  const kind = reference.kind.toLowerCase();
  // Not knowing is not the same as knowing there is none: an optional Secret that exists must not be left out by a slow API server.
  if (lookup.state === 'unknown') throw new PayloadError(`failed to sync ${kind} cache: ${lookup.reason}`);
  if (reference.optional) return {} as T;
  throw new PayloadError(`${kind} ${goQuote(reference.name)} not found`);
}
