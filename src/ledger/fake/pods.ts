import type { PodSpec, StoredPod } from '../../types/k8s.ts';
import { allocatableAmounts } from '../rules/measure.ts';
import { sysctlAllowlist } from '../rules/sysctls.ts';
import type { NodeView } from '../types.ts';

/** A node for tests: 4 cores, 8 GiB, 10 Pods. */
export function testNode(more: Partial<NodeView> = {}, allocatable: Record<string, string> = {}): NodeView {
  return {
    name: 'node-1',
    labels: { 'kubernetes.io/hostname': 'node-1', zone: 'a', size: '10' },
    taints: [],
    allocatable: allocatableAmounts({
      cpu: '4',
      memory: '8Gi',
      'ephemeral-storage': '100Gi',
      pods: '10',
      ...allocatable,
    }),
    sysctls: sysctlAllowlist('6.1.0'),
    supplementalGroupsPolicy: true,
    pressures: [],
    shuttingDown: false,
    declaredFeatures: [],
    ...more,
  };
}

/** What a test Pod may differ in. */
export interface TestPod {
  readonly requests?: Record<string, string>;
  readonly limits?: Record<string, string>;
  readonly hostPorts?: readonly number[];
  readonly priority?: number;
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly spec?: Partial<PodSpec>;
}

/** A Pod for tests, named by its UID. */
export function testPod(uid: string, more: TestPod = {}): StoredPod {
  const ports = more.hostPorts?.map((hostPort) => ({ containerPort: hostPort, hostPort }));
  const resources = { ...(more.requests && { requests: more.requests }), ...(more.limits && { limits: more.limits }) };
  return {
    metadata: {
      uid,
      name: uid,
      namespace: 'default',
      ...(more.annotations && { annotations: more.annotations }),
      ...(more.labels && { labels: more.labels }),
    },
    spec: {
      containers: [{ name: 'c', resources, ...(ports && { ports }) }],
      ...(more.priority !== undefined && { priority: more.priority }),
      ...more.spec,
    },
  };
}
