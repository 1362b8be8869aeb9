import { allocatableAmounts } from '../ledger/rules/measure.ts';
import type { SysctlAllowlist } from '../ledger/rules/sysctls.ts';
import type { NodeView } from '../ledger/types.ts';
import type { Node } from '../types/k8s.ts';

/** What the ledger must know of the node besides its API object. */
export interface LedgerInput {
  readonly nodeName: string;
  readonly sysctls: SysctlAllowlist;
  readonly appArmorError?: string;
  readonly pressures: readonly string[];
  readonly shuttingDown: boolean;
}

/** The node as the admission rules see it. `node` is the API's object, or the initial one in standalone mode. Pure. */
export function ledgerView(node: Node, input: LedgerInput): NodeView {
  return {
    name: input.nodeName,
    labels: node.metadata?.labels ?? {},
    taints: node.spec?.taints ?? [],
    allocatable: allocatableAmounts(node.status?.allocatable),
    sysctls: input.sysctls,
    ...(input.appArmorError !== undefined && { appArmorError: input.appArmorError }),
    supplementalGroupsPolicy: node.status?.features?.supplementalGroupsPolicy ?? false,
    pressures: input.pressures,
    shuttingDown: input.shuttingDown,
    declaredFeatures: node.status?.declaredFeatures ?? [],
  };
}
