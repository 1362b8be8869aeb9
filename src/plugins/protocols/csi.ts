import { Protocol } from '../../rpc/protocol.ts';
import type { IdentityMethods, NodeMethods } from '../generated/csi/csi.ts';
import schema from '../generated/csi/schema.json' with { type: 'json' };

/** The container storage interface, as far as a node calls it. */
export const csiProtocol = new Protocol<{ 'csi.v1.Identity': IdentityMethods; 'csi.v1.Node': NodeMethods }>(schema);
