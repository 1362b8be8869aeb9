import { Protocol } from '../../rpc/protocol.ts';
import type { DRAResourceHealthMethods } from '../generated/dra/draHealth.ts';
import type { DRAPluginMethods as DraV1Methods } from '../generated/dra/draV1.ts';
import type { DRAPluginMethods as DraV1beta1Methods } from '../generated/dra/draV1beta1.ts';
import schema from '../generated/dra/schema.json' with { type: 'json' };

/** Drivers of dynamic resource allocation, and the health of their devices. */
export const draProtocol = new Protocol<{
  'k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin': DraV1Methods;
  'k8s.io.kubelet.pkg.apis.dra.v1beta1.DRAPlugin': DraV1beta1Methods;
  'v1alpha1.DRAResourceHealth': DRAResourceHealthMethods;
}>(schema);
