// What drivers say of this node, as it stands in the CSINode object.
import type { CSINode, CSINodeDriver } from '../../../types/k8s.ts';

/** Names the in-tree plug-ins whose volumes this node takes as CSI volumes; the scheduler and the controllers read it. */
export const MIGRATED_ANNOTATION = 'storage.alpha.kubernetes.io/migrated-plugins';

/** All that Kubernetes 1.36 translates, in the order of the annotation. */
const MIGRATED = [
  'kubernetes.io/aws-ebs',
  'kubernetes.io/azure-disk',
  'kubernetes.io/azure-file',
  'kubernetes.io/cinder',
  'kubernetes.io/gce-pd',
  'kubernetes.io/portworx-volume',
  'kubernetes.io/vsphere-volume',
] as const;

const MAX_INT32 = 2 ** 31 - 1;

/** The Node that a CSINode belongs to. */
export interface NodeIdentity {
  readonly name: string;
  readonly uid: string;
}

/** What one driver says of this node. */
export interface DriverEntry {
  readonly name: string;
  readonly nodeId: string;
  /** Most volumes that can be attached; 0: no limit. */
  readonly maxVolumes: number;
  readonly topologyKeys: readonly string[];
}

/** A CSINode without drivers. */
export function newCsiNode({ name, uid }: NodeIdentity): CSINode {
  return {
    metadata: {
      name,
      annotations: { [MIGRATED_ANNOTATION]: MIGRATED.join(',') },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }],
    },
    spec: { drivers: [] },
  };
}

/** Whether a CSINode is of this very Node, and not of an earlier one of its name. */
export function isOwned({ metadata }: CSINode, { name, uid }: NodeIdentity): boolean {
  return (metadata?.ownerReferences ?? []).some((o) => o.kind === 'Node' && o.name === name && o.uid === uid);
}

/** The UID of the Node that it names as its owner; empty without one. */
export function ownerUid({ metadata }: CSINode): string {
  return (metadata?.ownerReferences ?? []).findLast((owner) => owner.kind === 'Node')?.uid ?? '';
}

/** With the annotation as it must be; undefined: it is. */
export function withMigration(node: CSINode): CSINode | undefined {
  const has = (node.metadata?.annotations?.[MIGRATED_ANNOTATION] ?? '').split(',');
  if (sameSet(has, MIGRATED)) return undefined;
  const annotations = { ...node.metadata?.annotations, [MIGRATED_ANNOTATION]: MIGRATED.join(',') };
  return { ...node, metadata: { ...node.metadata, annotations } };
}

/** With this driver, at the end of the list; undefined: nothing changes. */
export function withDriver(node: CSINode, entry: DriverEntry): CSINode | undefined {
  const found = driversOf(node).find(({ name }) => name === entry.name);
  const migrated = withMigration(node);
  if (found && says(found, entry) && !migrated) return undefined;
  const others = driversOf(node).filter(({ name }) => name !== entry.name);
  return { ...(migrated ?? node), spec: { ...node.spec, drivers: [...others, driverOf(entry)] } };
}

/** Without this driver; undefined: it is not there. */
export function withoutDriver(node: CSINode, name: string): CSINode | undefined {
  const drivers = driversOf(node).filter((driver) => driver.name !== name);
  return drivers.length === driversOf(node).length ? undefined : { ...node, spec: { ...node.spec, drivers } };
}

/** The API server shows an empty list as null. */
function driversOf({ spec }: CSINode): readonly CSINodeDriver[] {
  return (spec.drivers as readonly CSINodeDriver[] | null) ?? [];
}

function driverOf({ name, nodeId, maxVolumes, topologyKeys }: DriverEntry): CSINodeDriver {
  return {
    name,
    nodeID: nodeId,
    topologyKeys: topologyKeys.toSorted(),
    // A limit below 0 means nothing; as in kubelet it is left out.
    ...(maxVolumes > 0 ? { allocatable: { count: Math.min(maxVolumes, MAX_INT32) } } : {}),
  };
}

function says(found: CSINodeDriver, entry: DriverEntry): boolean {
  const wanted = driverOf(entry);
  return (
    found.nodeID === wanted.nodeID &&
    found.allocatable?.count === wanted.allocatable?.count &&
    sameSet(found.topologyKeys ?? [], entry.topologyKeys)
  );
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const set = new Set(a);
  return set.size === new Set(b).size && b.every((one) => set.has(one));
}
