import { ApiError, isObjectGone, isUidConflict } from '../../api/apiError.ts';
import type { ApiClient } from '../../api/client.ts';
import { isMirrorCurrent, mirrorPodFor } from '../../api/manifests/mirror.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { Node, Pod, StoredPod } from '../../types/k8s.ts';
import type { PodApi } from './services.ts';

/** Writes about Pods to the API server. What is gone already counts as done. */
export function podApi(
  client: ApiClient,
  node: () => Node | undefined,
  mirrorOf: (pod: Pod) => Pod | undefined,
): PodApi {
  return {
    async deletePod(namespace, name, uid, signal) {
      await unlessGone(name, () => client.delete('Pod', { namespace, name }, { gracePeriodSeconds: 0, uid, signal }));
    },
    async createMirror(pod, signal) {
      const owner = node();
      // A Node object that this process made and the API server has not stored yet has none.
      if (!owner?.metadata?.uid)
        throw new KubeletError('the Node object is not known yet; its UID goes into the mirror Pod', {
          code: 'NodeUnknown',
        });
      try {
        await client.create('Pod', mirrorPodFor(pod as StoredPod, owner), { signal });
      } catch (error) {
        if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
        const known = mirrorOf(pod);
        if (known && isMirrorCurrent(known as StoredPod, pod as StoredPod)) return;
        const { namespace, name } = pod.metadata ?? {};
        throw new KubeletError(
          `a Pod ${namespace}/${name} exists that the API server does not show as the mirror of this static Pod; delete it if it is another`,
          { code: 'MirrorNameTaken', cause: error },
        );
      }
    },
    async deleteMirror(pod, signal) {
      const mirror = mirrorOf(pod);
      if (!mirror?.metadata?.uid) return;
      const { name = '', namespace = '', uid } = mirror.metadata;
      await unlessGone(name, () => client.delete('Pod', { namespace, name }, { gracePeriodSeconds: 0, uid, signal }));
    },
  };
}

/** A Conflict of the UID precondition means that another Pod has the name now; a 404 that does not name the Pod means nothing. */
async function unlessGone(name: string, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!isObjectGone(error, 'pods', name) && !isUidConflict(error)) throw error;
  }
}
