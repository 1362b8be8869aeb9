import type { Pod, Volume } from '../../src/types/k8s.ts';
import { claimNames } from './claims.ts';

/**
 * plain: one pause container; volumes: emptyDir, configMap and the service account token besides; claim: a claim for a volume of a CSI
 * driver; claims: one each for a volume of a CSI driver, a local one and a hostPath one; fifty: fifty claims for volumes of a CSI driver.
 */
export const shapes = ['plain', 'volumes', 'claim', 'claims', 'fifty'] as const;
export type Shape = (typeof shapes)[number];

function volumesOf(shape: Shape, name: string): Volume[] {
  if (shape === 'plain') return [];
  if (shape !== 'volumes')
    return claimNames(shape, name).map((claimName, i) => ({ name: `v${i}`, persistentVolumeClaim: { claimName } }));
  return [
    { name: 'scratch', emptyDir: {} },
    { name: 'settings', configMap: { name: 'kube-root-ca.crt' } },
  ];
}

/** A Pod of the benchmark, bound to the node so that the scheduler does not count. */
export function pods(shape: Shape, name: string, node: string): Pod {
  const volumes = volumesOf(shape, name);
  const volumeMounts = volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` }));
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: shape === 'volumes',
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        { name: 'pause', image: 'registry.k8s.io/pause:3.10.2', imagePullPolicy: 'IfNotPresent', volumeMounts },
      ],
      volumes,
    },
  } as Pod;
}
