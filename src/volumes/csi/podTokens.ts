import { goJson } from '../../k8s/goText.ts';
import { rfc3339 } from '../../k8s/rfc3339.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIDriver } from '../../types/k8s.ts';
import { csiSays, unsent } from './csiError.ts';
import type { PublishTask } from './publish.ts';

/** Tokens of the Pod's service account for the audiences that the driver names (KEP-2047), as one JSON text. */
export async function podTokens(
  { pod, context, signal }: Pick<PublishTask, 'pod' | 'context' | 'signal'>,
  object: CSIDriver | undefined,
): Promise<Record<string, string> | undefined> {
  const requests = object?.spec.tokenRequests ?? [];
  if (requests.length === 0) return undefined;
  const tokens: [string, object][] = [];
  for (const { audience, expirationSeconds } of requests) {
    try {
      const { token, expiresAt } = await context.token(
        {
          namespace: pod.metadata.namespace,
          serviceAccountName: pod.spec.serviceAccountName ?? '',
          audiences: audience === '' ? [] : [audience],
          ...(expirationSeconds === undefined ? {} : { expirationSeconds }),
          pod: { name: pod.metadata.name, uid: pod.metadata.uid },
        },
        signal,
      );
      tokens.push([audience, { token, expirationTimestamp: rfc3339(expiresAt) }]);
    } catch (error) {
      signal.throwIfAborted();
      const what = 'mounter.SetUpAt failed to get service accoount token attributes';
      throw unsent(csiSays(`${what}: ${errorMessage(error)}`), error);
    }
  }
  tokens.sort(([a], [b]) => (a < b ? -1 : 1));
  return { 'csi.storage.k8s.io/serviceAccount.tokens': goJson(Object.fromEntries(tokens)) };
}
