import type { CSIDriver, StoredPod } from '../../../types/k8s.ts';

/** `Ephemeral`: inline in a Pod. `Persistent`: a PersistentVolume. */
export type LifecycleMode = 'Ephemeral' | 'Persistent';

/** What a driver with podInfoOnMount learns of the Pod. */
export function podInfo(pod: StoredPod, mode: LifecycleMode): Record<string, string> {
  return {
    'csi.storage.k8s.io/pod.name': pod.metadata.name,
    'csi.storage.k8s.io/pod.namespace': pod.metadata.namespace,
    'csi.storage.k8s.io/pod.uid': pod.metadata.uid,
    'csi.storage.k8s.io/serviceAccount.name': pod.spec.serviceAccountName ?? '',
    'csi.storage.k8s.io/ephemeral': String(mode === 'Ephemeral'),
  };
}

/** Why a driver gives no volume of this mode, as a sentence part; undefined: it does. Inline volumes need the CSIDriver object. */
export function modeProblem(name: string, driver: CSIDriver | undefined, mode: LifecycleMode): string | undefined {
  if (!driver)
    return mode === 'Persistent'
      ? undefined
      : `volume mode "${mode}" not supported by driver ${name} (no CSIDriver object)`;
  const modes = driver.spec.volumeLifecycleModes ?? [];
  if (modes.includes(mode)) return undefined;
  return `volume mode "${mode}" not supported by driver ${name} (only supports [${modes.map((m) => `"${m}"`).join(' ')}])`;
}
