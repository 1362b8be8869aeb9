import { Protocol } from '../../rpc/protocol.ts';
import type { PodsMethods } from '../generated/pods/pods.ts';
import schema from '../generated/pods/schema.json' with { type: 'json' };

/** What kubelet tells of its Pods. */
export const podsProtocol = new Protocol<{ 'v1alpha1.Pods': PodsMethods }>(schema);
