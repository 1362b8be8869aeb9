import type { FsStats, PodStats } from '../../../stats/shapes.ts';
import type { Container, Pod, Volume } from '../../../types/k8s.ts';
import type { EvictionCandidate } from './ranking.ts';
import { type ThresholdSettings, thresholdsOf } from './thresholds.ts';

const NONE: ThresholdSettings = {
  evictionHard: {},
  evictionSoft: {},
  softGraceMs: {},
  evictionMinimumReclaim: {},
  enforcesPods: false,
};

/** The thresholds of these settings. */
export const thresholds = (settings: Partial<ThresholdSettings>) => thresholdsOf({ ...NONE, ...settings });

export interface TestContainer {
  readonly requests?: Record<string, string>;
  readonly limits?: Record<string, string>;
  readonly memory?: number;
  readonly rootfs?: number;
  readonly logs?: number;
}

export interface TestCandidate {
  readonly containers?: Readonly<Record<string, TestContainer>>;
  readonly volumes?: readonly (Volume & { readonly used?: number })[];
  readonly priority?: number;
  readonly annotations?: Record<string, string>;
  readonly memory?: number;
  readonly tasks?: number;
  /** false: some tree could not be walked to its end. */
  readonly walked?: boolean;
  readonly spec?: Partial<NonNullable<Pod['spec']>>;
}

const fs = (used: number | undefined): FsStats | undefined =>
  used === undefined ? undefined : { time: '2026-01-01T00:00:00Z', usedBytes: used, inodesUsed: used };

/** A Pod with what it takes. Figures of disks are bytes and, with the same number, inodes. */
export function candidate(name: string, of: TestCandidate = {}): EvictionCandidate & { readonly stats: PodStats } {
  const containers = Object.entries(of.containers ?? { c: {} });
  const volumes = of.volumes ?? [];
  const spec = {
    containers: containers.map(([n, c]): Container => {
      const { requests, limits } = c;
      return { name: n, resources: { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) } };
    }),
    volumes: volumes.map(({ used: _, ...volume }) => volume),
    ...(of.priority === undefined ? {} : { priority: of.priority }),
    ...of.spec,
  };
  const time = '2026-01-01T00:00:00Z';
  const local = volumes.filter(({ emptyDir }) => emptyDir?.medium !== 'Memory');
  const sum = containers.reduce((n, [, c]) => n + (c.rootfs ?? 0) + (c.logs ?? 0), 0);
  const all = local.reduce((n, { used = 0 }) => n + used, sum);
  return {
    uid: `uid-${name}`,
    pod: { metadata: { name, namespace: 'ns', ...(of.annotations ? { annotations: of.annotations } : {}) }, spec },
    stats: {
      podRef: { name, namespace: 'ns', uid: `uid-${name}` },
      startTime: time,
      containers: containers.map(([n, c]) => {
        const [rootfs, logs] = [fs(c.rootfs), fs(c.logs)];
        return {
          name: n,
          startTime: time,
          ...(c.memory === undefined ? {} : { memory: { time, workingSetBytes: c.memory } }),
          ...(rootfs ? { rootfs } : {}),
          ...(logs ? { logs } : {}),
        };
      }),
      volume: volumes.flatMap(({ name: n, used }) => (used === undefined ? [] : [{ name: n, ...fs(used)! }])),
      ...(of.memory === undefined ? {} : { memory: { time, workingSetBytes: of.memory } }),
      ...(of.tasks === undefined ? {} : { process_stats: { process_count: of.tasks } }),
      ...(of.walked === false ? {} : { 'ephemeral-storage': fs(all)! }),
    },
  };
}
