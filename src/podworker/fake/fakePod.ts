import type { Pod } from '../../types/k8s.ts';

/** A Pod as the API server would store it. */
export function fakePod(
  name: string,
  spec: Partial<NonNullable<Pod['spec']>> = {},
  metadata: Pod['metadata'] = {},
): Pod {
  const container = { name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      creationTimestamp: new Date().toISOString(),
      generation: 1,
      ...metadata,
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
      securityContext: {},
      dnsPolicy: 'ClusterFirst',
      containers: [container],
      ...spec,
    },
    status: { phase: 'Pending' },
  } as Pod;
}
