import type { Container, Probe } from '../../types/k8s.ts';

/** The three probes of a container, in the order in which they gate each other. */
export const PROBE_KINDS = ['startup', 'readiness', 'liveness'] as const;
export type ProbeKind = (typeof PROBE_KINDS)[number];

/** How Kubernetes spells each kind in events and metrics. */
export const KIND_LABEL: Readonly<Record<ProbeKind, string>> = {
  startup: 'Startup',
  readiness: 'Readiness',
  liveness: 'Liveness',
};

/** When a probe runs and how many equal results count; times in milliseconds. */
export interface ProbeSpec {
  readonly kind: ProbeKind;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

/** Numbers of an API probe; absent and zero ones get the API's defaults (Probe: period 10 s, timeout 1 s, thresholds 1 and 3). */
export function probeSpec(kind: ProbeKind, probe: Probe): ProbeSpec {
  return {
    kind,
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: (probe.periodSeconds || 10) * 1000,
    timeoutMs: (probe.timeoutSeconds || 1) * 1000,
    successThreshold: probe.successThreshold || 1,
    failureThreshold: probe.failureThreshold || 3,
  };
}

/** The container's probe of this kind, if it has one. */
export function probeOf(kind: ProbeKind, container: Container): Probe | undefined {
  if (kind === 'startup') return container.startupProbe;
  return kind === 'readiness' ? container.readinessProbe : container.livenessProbe;
}
