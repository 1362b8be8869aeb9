import type { Container, Mutable, Pod, PodSpec, Probe, ResourceRequirements } from '../../types/k8s.ts';
import { defaultPodResources, rounded } from './defaultResources.ts';
import { defaultVolume } from './defaultVolumes.ts';
import { defaultPullPolicy } from './imageTag.ts';

type MutablePod = Mutable<Pod>;
type MutableContainer = Mutable<Container>;

/** Fills in what the API server would (pods/v1 defaulting of API 1.36), in place. The Pod must have passed `conform`. */
export function applyPodDefaults(pod: MutablePod): void {
  pod.spec ??= { containers: [] };
  const spec = pod.spec;
  spec.containers ??= [];
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  for (const container of containers) requestsFromLimits(container.resources);
  defaultPodResources(pod);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) for (const container of containers) hostPorts(container);
  defaultSpec(spec);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of containers) defaultContainer(container);
  if (spec.resources) roundResources(spec.resources);
  if (spec.overhead) spec.overhead = rounded(spec.overhead);
}

function defaultSpec(spec: Mutable<PodSpec>): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // The two names of one field.
  spec.serviceAccountName ||= spec.serviceAccount ?? '';
  if (spec.serviceAccountName === '') delete spec.serviceAccountName;
  else spec.serviceAccount = spec.serviceAccountName;
}

function requestsFromLimits(resources: Mutable<ResourceRequirements> | undefined): void {
  if (!resources?.limits) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}

function hostPorts(container: MutableContainer): void {
  for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
}

function defaultContainer(container: MutableContainer): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  roundResources(container.resources);
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.resourceFieldRef) valueFrom.resourceFieldRef.divisor ??= '0';
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
  }
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) defaultProbe(probe);
  }
  for (const hook of [container.lifecycle?.postStart, container.lifecycle?.preStop]) defaultHttpGet(hook?.httpGet);
}

function defaultProbe(probe: Mutable<Probe>): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHttpGet(get: { path?: string; scheme?: string } | undefined): void {
  if (!get) return;
  get.path ||= '/';
  get.scheme ||= 'HTTP';
}

function roundResources(resources: Mutable<ResourceRequirements>): void {
  if (resources.limits) resources.limits = rounded(resources.limits);
  if (resources.requests) resources.requests = rounded(resources.requests);
}
