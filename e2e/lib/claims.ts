// PersistentVolumes and claims of tests. Volumes belong to no namespace: each is named after the test's, and removed by it.
import { waitFor } from '../../hack/lib/wait.ts';
import type { PersistentVolumeClaim, PersistentVolumeSpec } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import type { TestContext } from './test.ts';

const VOLUMES = '/api/v1/persistentvolumes';
const claimsUrl = (t: TestContext): string => `/api/v1/namespaces/${t.namespace}/persistentvolumeclaims`;

/** The name of a test's volume. */
export const volumeName = (t: TestContext, name: string): string => `${t.namespace}-${name}`;

/** Makes a volume that only a claim of the same class can have: its name is the class. */
export async function makeVolume(
  t: TestContext,
  name: string,
  source: Partial<PersistentVolumeSpec>,
  metadata: object = {},
): Promise<void> {
  const full = volumeName(t, name);
  await t.lab.api.create(VOLUMES, {
    metadata: { name: full, ...metadata },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: full,
      persistentVolumeReclaimPolicy: 'Retain',
      ...source,
    },
  });
}

/** What a claim for the test's volume of this name asks. */
export function claimSpec(t: TestContext, name: string, more: object = {}): object {
  return {
    storageClassName: volumeName(t, name),
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    ...more,
  };
}

/** Claims the test's volume of this name, under the same name. */
export async function makeClaim(t: TestContext, name: string, more: object = {}): Promise<PersistentVolumeClaim> {
  return t.lab.api.create<PersistentVolumeClaim>(claimsUrl(t), { metadata: { name }, spec: claimSpec(t, name, more) });
}

/** Waits until the controller has bound the claim to its volume. */
export async function untilBound(t: TestContext, name: string): Promise<void> {
  await waitFor(`the claim ${name} to be bound`, { timeout: patience, interval: 50 }, async () => {
    const { status } = await t.lab.api.get<PersistentVolumeClaim>(`${claimsUrl(t)}/${name}`);
    return status?.phase === 'Bound';
  });
}

async function removeClaim(t: TestContext, name: string): Promise<void> {
  await t.lab.api.remove(`${claimsUrl(t)}/${name}`);
}

/** Removes the test's volumes; protected ones go with their claims. */
export async function removeVolumes(t: TestContext, ...names: string[]): Promise<void> {
  for (const name of names) {
    await removeClaim(t, name);
    await t.lab.api.remove(`${VOLUMES}/${volumeName(t, name)}`);
  }
}

/** The volume is this node's, as local volumes must say. */
export const onThisNode = (t: TestContext): Pick<PersistentVolumeSpec, 'nodeAffinity'> => ({
  nodeAffinity: {
    required: {
      nodeSelectorTerms: [
        { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [t.lab.node] }] },
      ],
    },
  },
});
