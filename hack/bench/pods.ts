import type { Pod } from '../../src/types/k8s.ts';

/** plain: one pause container; volumes: emptyDir, configMap and the service account token besides. */
export type Shape = 'plain' | 'volumes';

/** A Pod of the benchmark, bound to the node so that the scheduler does not count. */
export function pods(shape: Shape, name: string, node: string): Pod {
  const volumes =
    shape === 'plain'
      ? []
      : [
          { name: 'scratch', emptyDir: {} },
          { name: 'settings', configMap: { name: 'kube-root-ca.crt' } },
        ];
  const volumeMounts =
    shape === 'plain'
      ? []
      : [
          { name: 'scratch', mountPath: '/scratch' },
          { name: 'settings', mountPath: '/settings' },
        ];
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: shape !== 'plain',
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      containers: [
        { name: 'pause', image: 'registry.k8s.io/pause:3.10.2', imagePullPolicy: 'IfNotPresent', volumeMounts },
      ],
      volumes,
    },
  } as Pod;
}
