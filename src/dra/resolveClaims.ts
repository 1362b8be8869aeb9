import type { ApiClient } from '../api/client.ts';
import { prefixErrors } from '../lib/errors.ts';
import type { StoredPod } from '../types/k8s.ts';
import { type ClaimInfo, newClaim } from './book.ts';
import { claimsOf, driversOf, refusal } from './rules/claims.ts';

/**
 * The Pod's claims as the API server has them, each fit to be prepared for it. Rejects in kubelet's words when one cannot be read or must
 * not be used. `client`: null without an API server.
 */
export async function resolveClaims(
  client: Pick<ApiClient, 'get'> | null,
  pod: StoredPod,
  signal: AbortSignal,
): Promise<readonly ClaimInfo[]> {
  const { namespace } = pod.metadata;
  const found: ClaimInfo[] = [];
  for (const use of claimsOf(pod)) {
    const { name } = use;
    if (!client) throw new Error(`fetch ResourceClaim ${name}: there is no API server`);
    const claim = await prefixErrors(`fetch ResourceClaim ${name}`, () =>
      client.get('ResourceClaim', { namespace, name }, { signal }),
    );
    const refused = refusal(pod, use, claim);
    if (refused) throw new Error(refused);
    found.push(newClaim(claim.metadata?.uid ?? '', name, namespace, driversOf(claim)));
  }
  return found;
}
