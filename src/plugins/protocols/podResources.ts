import { Protocol } from '../../rpc/protocol.ts';
import type { PodResourcesListerMethods as V1Methods } from '../generated/podResources/podResourcesV1.ts';
import type { PodResourcesListerMethods as V1alpha1Methods } from '../generated/podResources/podResourcesV1alpha1.ts';
import schema from '../generated/podResources/schema.json' with { type: 'json' };

/** What kubelet tells of the resources that Pods hold. */
export const podResourcesProtocol = new Protocol<{
  'v1.PodResourcesLister': V1Methods;
  'v1alpha1.PodResourcesLister': V1alpha1Methods;
}>(schema);
