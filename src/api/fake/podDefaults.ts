import { computePodQOS } from '../../k8s/qos.ts';
import type { Mutable, Pod, PodSpec } from '../../types/k8s.ts';
import { applyPodDefaults } from '../manifests/defaults.ts';

/** What the API server makes of a new Pod: defaults, the default admission plugins that node agents can see, the first status. */
export function admitPod(pod: Mutable<Pod>): void {
  applyPodDefaults(pod);
  const spec = pod.spec!;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  spec.priority ??= 0;
  spec.serviceAccountName ??= 'default';
  spec.serviceAccount ??= spec.serviceAccountName;
  const wanted = spec.tolerations ?? [];
  const missing = ['not-ready', 'unreachable']
    .map((state) => `node.kubernetes.io/${state}`)
    .filter((key) => !wanted.some((toleration) => !toleration.key || toleration.key === key))
    .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  spec.tolerations = [...wanted, ...missing];
  pod.status = { phase: 'Pending', qosClass: computePodQOS(pod as Pod) };
}

const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The volume with token, CA and namespace that the ServiceAccount admission plugin adds to each container of a Pod. */
export function addTokenVolume(spec: Mutable<PodSpec>): void {
  const name = 'kube-api-access-fake1';
  const namespace = { path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } };
  const sources = [
    { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    { downwardAPI: { items: [namespace] } },
  ];
  spec.volumes = [...(spec.volumes ?? []), { name, projected: { sources, defaultMode: 0o644 } }];
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, mountPath: MOUNT, readOnly: true }];
  }
}
