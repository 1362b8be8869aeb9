import type { Container, Mutable, Pod, PodSpec, Probe } from '../../types/k8s.ts';

type M<T> = Mutable<T>;

/** What the API server fills into a Pod on creation (pkg/apis/core/v1/defaults.go), as far as node agents can see it. */
export function defaultPod(pod: M<Pod>): void {
  pod.spec ??= { containers: [] };
  const spec = pod.spec;
  spec.restartPolicy ??= 'Always';
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.schedulerName ??= 'default-scheduler';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  spec.enableServiceLinks ??= true;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  spec.priority ??= 0;
  spec.serviceAccountName ??= 'default';
  spec.serviceAccount ??= spec.serviceAccountName;
  const containers = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...((spec.ephemeralContainers as M<Container>[]) ?? []),
  ];
  for (const container of containers) defaultContainer(container, spec.hostNetwork === true);
  for (const volume of spec.volumes ?? []) {
    for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
      if (source) source.defaultMode ??= 0o644;
    }
    for (const projection of volume.projected?.sources ?? []) {
      if (projection.serviceAccountToken) projection.serviceAccountToken.expirationSeconds ??= 3600;
    }
    if (volume.hostPath) volume.hostPath.type ??= '';
    defaultFieldRefs(volume);
  }
  defaultFieldRefs(spec);
}

function defaultContainer(container: M<Container>, hostNetwork: boolean): void {
  const tag = /@/.test(container.image ?? '') ? 'digest' : /:([^/:]+)$/.exec(container.image ?? '')?.[1];
  container.imagePullPolicy ??= tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.resources ??= {};
  const { limits } = container.resources;
  if (limits) container.resources.requests = { ...limits, ...container.resources.requests };
  for (const port of container.ports ?? []) {
    port.protocol ??= 'TCP';
    if (hostNetwork) port.hostPort ??= port.containerPort;
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe])
    if (probe) defaultProbe(probe);
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) defaultHttp(hook?.httpGet);
}

function defaultProbe(probe: M<Probe>): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttp(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHttp(http: { path?: string; scheme?: string } | undefined): void {
  if (!http) return;
  http.path ||= '/';
  http.scheme ||= 'HTTP';
}

/** `fieldRef.apiVersion` is v1 wherever a fieldRef stands. */
function defaultFieldRefs(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'fieldRef' && inner) (inner as { apiVersion?: string }).apiVersion ??= 'v1';
    else defaultFieldRefs(inner);
  }
}

/** The QoS class that the API server writes into a new Pod's status, from cpu and memory of its containers. */
export function qosClass(spec: PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  let any = false;
  let guaranteed = true;
  for (const { resources } of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const name of ['cpu', 'memory']) {
      const request = resources?.requests?.[name];
      const limit = resources?.limits?.[name];
      any ||= request !== undefined || limit !== undefined;
      guaranteed &&= limit !== undefined && (request === undefined || request === limit);
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
