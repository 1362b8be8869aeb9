import type { NodeEvent } from '../../events/event.ts';
import type { NodeObjects } from '../../podworker/objects.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { PodCertificates } from '../../volumes/certificates/podCertificates.ts';
import type { VolumeContext } from '../../volumes/contract.ts';
import type { ApiConnection } from './api.ts';
import type { NodeStage } from './node.ts';
import type { Base } from './preflight.ts';

/** What projected volumes get of the cluster besides objects and tokens; empty where the gates are off, and without an API server. */
export interface Projections {
  readonly objects: Pick<NodeObjects, 'ClusterTrustBundle' | 'PodCertificate'>;
  readonly context: Pick<VolumeContext, 'trustAnchors' | 'certificate'>;
}

/** Trust bundles and certificates for Pods, behind their gates. Nothing is asked of the API server before a Pod wants one. */
export async function openProjections(
  base: Base,
  api: ApiConnection | null,
  { node, events }: Pick<NodeStage, 'node' | 'events'>,
  stack: AsyncDisposableStack,
): Promise<Projections> {
  const { clock, log, nodeName, loaded, table } = base;
  const { gates } = loaded;
  const bundles =
    api && gates.enabled('ClusterTrustBundleProjection')
      ? stack.use(new (await import('../../volumes/certificates/trustBundles.ts')).TrustBundles(api.client, clock))
      : undefined;
  const certificates =
    api && gates.enabled('PodCertificateRequest')
      ? stack.use(
          new (await import('../../volumes/certificates/podCertificates.ts')).PodCertificates({
            ...{ client: api.client, nodeName, clock, log },
            nodeUid: () => node.node.metadata?.uid,
            random: Math.random,
            onEvent: (pod: StoredPod, event: NodeEvent) => events.pod(pod, pod.metadata, event),
          }),
        )
      : undefined;
  if (certificates) {
    stack.use(table.onEnded((uid) => certificates.forget(uid)));
    countStates(base, certificates);
  }
  return {
    objects: {
      ...(bundles && { ClusterTrustBundle: bundles }),
      ...(certificates && { PodCertificate: certificates }),
    },
    context: {
      trustAnchors: bundles && ((source) => bundles.anchors(source)),
      certificate: certificates && ((demand) => certificates.get(demand)),
    },
  };
}

function countStates({ metrics: { metrics } }: Base, certificates: Pick<PodCertificates, 'states'>): void {
  metrics.gauge('kubelet_podcertificate_states', (gauge) => {
    gauge.reset();
    for (const { signer, state } of certificates.states()) gauge.inc({ signer_name: signer, state });
  });
}
