import { dnsLabelErrors, dnsSubdomainErrors } from '../../k8s/nameValidation.ts';
import type { Container, EnvVar, Pod, VolumeMount } from '../../types/k8s.ts';
import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';
import { validateLocalPath } from './localPath.ts';
import { portNameErrors, validateProbes } from './validateProbes.ts';
import { validateResourceField, validateResources } from './validateResources.ts';
import { validateContainerSecurity } from './validateSecurity.ts';

/** What the checks of a container need to know of its Pod. */
interface PodOfContainer {
  readonly pod: Pod;
  readonly volumes: ReadonlySet<string>;
  readonly names: Set<string>;
  readonly hostPorts: Set<string>;
  readonly graceSeconds: number;
}

const FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const SUBSCRIPTED = /^metadata\.(labels|annotations)\['[^']+'\]$/;
const INIT_ONLY_SIDECAR = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

/** Checks all containers of a Pod. */
export function validateContainers(pod: Pod, spec: FieldPath, findings: Findings): void {
  const facts: PodOfContainer = {
    pod,
    volumes: new Set((pod.spec?.volumes ?? []).map(({ name }) => name)),
    names: new Set(),
    hostPorts: new Set(),
    graceSeconds: pod.spec?.terminationGracePeriodSeconds ?? 30,
  };
  const containers = pod.spec?.containers ?? [];
  if (containers.length === 0) findings.required(spec.child('containers'));
  for (const [index, container] of containers.entries()) {
    validateContainer(container, facts, spec.child('containers').index(index), findings);
  }
  for (const [index, container] of (pod.spec?.initContainers ?? []).entries()) {
    const path = spec.child('initContainers').index(index);
    validateContainer(container, facts, path, findings);
    validateInit(container, path, findings);
  }
  if ((pod.spec?.ephemeralContainers ?? []).length > 0) {
    findings.forbidden(spec.child('ephemeralContainers'), 'cannot be set on create');
  }
}

function validateContainer(container: Container, facts: PodOfContainer, path: FieldPath, findings: Findings): void {
  const { name = '', image = '' } = container;
  if (name === '') findings.required(path.child('name'));
  else if (facts.names.has(name)) findings.duplicate(path.child('name'), name);
  else findings.invalidAll(path.child('name'), name, dnsLabelErrors(name));
  facts.names.add(name);
  if (image === '') findings.required(path.child('image'));
  else if (image.trim() !== image)
    findings.invalid(path.child('image'), image, 'must not have leading or trailing whitespace');
  findings.oneOf(path.child('imagePullPolicy'), container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  findings.oneOf(path.child('terminationMessagePolicy'), container.terminationMessagePolicy, [
    'File',
    'FallbackToLogsOnError',
  ]);
  validatePorts(container, facts, path.child('ports'), findings);
  for (const [index, env] of (container.env ?? []).entries())
    validateEnv(env, path.child('env').index(index), findings);
  validateEnvFrom(container, path.child('envFrom'), findings);
  validateMounts(container, facts, path, findings);
  validateProbes(container, facts.graceSeconds, path, findings);
  validateResources(container.resources ?? {}, path.child('resources'), findings);
  const hostUsers = facts.pod.spec?.hostUsers !== false;
  validateContainerSecurity(container, hostUsers, path.child('securityContext'), findings);
  validateRestartRules(container, path, findings);
  validateResize(container, path.child('resizePolicy'), findings);
}

function validateRestartRules(container: Container, path: FieldPath, findings: Findings): void {
  const rules = container.restartPolicyRules ?? [];
  if (container.restartPolicy !== undefined) {
    findings.oneOf(path.child('restartPolicy'), container.restartPolicy, ['Always', 'Never', 'OnFailure']);
  } else if (rules.length > 0) {
    findings.required(path.child('restartPolicy'), 'must specify restartPolicy when restart rules are used');
  }
  for (const [index, rule] of rules.entries()) {
    const at = path.child('restartPolicyRules').index(index);
    findings.oneOf(at.child('action'), rule.action, ['Restart', 'RestartAllContainers']);
    if (!rule.exitCodes) findings.required(at.child('exitCodes'), 'must be specified');
    else findings.oneOf(at.child('exitCodes', 'operator'), rule.exitCodes.operator, ['In', 'NotIn']);
  }
}

function validateResize(container: Container, path: FieldPath, findings: Findings): void {
  const seen = new Set<string>();
  for (const { resourceName, restartPolicy } of container.resizePolicy ?? []) {
    if (seen.has(resourceName)) findings.duplicate(path, resourceName);
    seen.add(resourceName);
    if (resourceName) findings.oneOf(path, resourceName, ['cpu', 'memory']);
    else findings.required(path);
    if (restartPolicy) findings.oneOf(path, restartPolicy, ['NotRequired', 'RestartContainer']);
    else findings.required(path);
  }
}

function validateInit(container: Container, path: FieldPath, findings: Findings): void {
  if (container.restartPolicy === 'Always') return;
  for (const field of INIT_ONLY_SIDECAR) {
    if (container[field] === undefined) continue;
    findings.forbidden(path.child(field), 'may not be set for init containers without restartPolicy=Always');
  }
}

function validatePorts(container: Container, facts: PodOfContainer, path: FieldPath, findings: Findings): void {
  const names = new Set<string>();
  for (const [index, port] of (container.ports ?? []).entries()) {
    const at = path.index(index);
    if (port.name) {
      findings.invalidAll(at.child('name'), port.name, portNameErrors(port.name));
      if (names.has(port.name)) findings.duplicate(at.child('name'), port.name);
      names.add(port.name);
    }
    if (!port.containerPort) findings.required(at.child('containerPort'));
    else findings.range(at.child('containerPort'), port.containerPort, 1, 65535);
    findings.oneOf(at.child('protocol'), port.protocol, ['SCTP', 'TCP', 'UDP']);
    if (!port.hostPort) continue;
    findings.range(at.child('hostPort'), port.hostPort, 1, 65535);
    if (facts.pod.spec?.hostNetwork && port.hostPort !== port.containerPort) {
      findings.invalid(at.child('hostPort'), port.hostPort, 'must match `containerPort` when `hostNetwork` is true');
    }
    const key = `${port.protocol}/${port.hostIP ?? ''}/${port.hostPort}`;
    if (facts.hostPorts.has(key)) findings.duplicate(at.child('hostPort'), key);
    facts.hostPorts.add(key);
  }
}

function validateEnv(env: EnvVar, path: FieldPath, findings: Findings): void {
  if (!env.name) findings.required(path.child('name'));
  else if (!/^[\x20-\x3c\x3e-\x7e]+$/.test(env.name)) {
    const detail = "a valid environment variable name must consist only of printable ASCII characters other than '='";
    findings.invalid(path.child('name'), env.name, detail);
  }
  if (!env.valueFrom) return;
  const at = path.child('valueFrom');
  if (env.value) findings.invalid(at, '', 'may not be specified when `value` is not empty');
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = env.valueFrom;
  const given = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(
    (ref) => ref !== undefined,
  );
  if (given.length === 0) {
    const kinds = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    findings.invalid(at, '', `must specify one of: ${kinds}`);
  } else if (given.length > 1) findings.invalid(at, '', 'may not have more than one field specified at a time');
  if (fieldRef) validateFieldRef(fieldRef.fieldPath ?? '', at.child('fieldRef', 'fieldPath'), findings);
  for (const [name, ref] of [['configMapKeyRef', configMapKeyRef] as const, ['secretKeyRef', secretKeyRef] as const]) {
    if (!ref) continue;
    if (!ref.name) findings.required(at.child(name, 'name'));
    if (!ref.key) findings.required(at.child(name, 'key'));
  }
  if (resourceFieldRef)
    validateResourceField(resourceFieldRef.resource, at.child('resourceFieldRef', 'resource'), findings);
}

function validateFieldRef(fieldPath: string, path: FieldPath, findings: Findings): void {
  if (fieldPath === '') findings.required(path);
  else if (
    /^(metadata\.(labels|annotations)|spec\.(hostNetwork|restartPolicy|schedulerName)|status\.phase)$/.test(fieldPath)
  ) {
    // Fields that selectors know and environment variables do not.
    findings.oneOf(path, fieldPath, FIELD_PATHS);
  } else if (!FIELD_PATHS.includes(fieldPath) && !SUBSCRIPTED.test(fieldPath)) {
    findings.invalid(
      path,
      fieldPath,
      `error converting fieldPath: field label not supported: ${fieldPath.slice(0, 80)}`,
    );
  }
}

function validateEnvFrom(container: Container, path: FieldPath, findings: Findings): void {
  for (const [index, source] of (container.envFrom ?? []).entries()) {
    const at = path.index(index);
    const { configMapRef, secretRef } = source;
    if (!configMapRef && !secretRef) findings.invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`');
    if (configMapRef && secretRef) findings.invalid(at, '', 'may not have more than one field specified at a time');
    for (const [name, ref] of [['configMapRef', configMapRef] as const, ['secretRef', secretRef] as const]) {
      if (!ref) continue;
      if (!ref.name) findings.required(at.child(name, 'name'));
      else findings.invalidAll(at.child(name, 'name'), ref.name, dnsSubdomainErrors(ref.name));
    }
  }
}

function validateMounts(container: Container, facts: PodOfContainer, path: FieldPath, findings: Findings): void {
  const mountPaths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = path.child('volumeMounts').index(index);
    if (!mount.name) findings.required(at.child('name'));
    else if (!facts.volumes.has(mount.name)) findings.notFound(at.child('name'), mount.name);
    if (!mount.mountPath) findings.required(at.child('mountPath'));
    else if (mountPaths.has(mount.mountPath))
      findings.invalid(at.child('mountPath'), mount.mountPath, 'must be unique');
    mountPaths.add(mount.mountPath ?? '');
    validateSubPath(mount, at, findings);
    validateRecursiveReadOnly(mount, at.child('recursiveReadOnly'), findings);
    if (mount.mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
      findings.forbidden(
        at.child('mountPropagation'),
        'Bidirectional mount propagation is available only to privileged containers',
      );
    } else if (mount.mountPropagation !== undefined) {
      findings.oneOf(at.child('mountPropagation'), mount.mountPropagation, [
        'Bidirectional',
        'HostToContainer',
        'None',
      ]);
    }
  }
  for (const [index, device] of (container.volumeDevices ?? []).entries()) {
    const at = path.child('volumeDevices').index(index);
    if (!device.name) findings.required(at.child('name'));
    else if (!facts.volumes.has(device.name)) findings.notFound(at.child('name'), device.name);
    if (!device.devicePath) findings.required(at.child('devicePath'));
    else if (mountPaths.has(device.devicePath))
      findings.invalid(at.child('devicePath'), device.devicePath, 'must not already exist as a path in volumeMounts');
  }
}

function validateRecursiveReadOnly(mount: VolumeMount, path: FieldPath, findings: Findings): void {
  const value = mount.recursiveReadOnly;
  if (value === undefined || value === 'Disabled') return;
  findings.oneOf(path, value, ['Disabled', 'Enabled', 'IfPossible']);
  if (!mount.readOnly) findings.forbidden(path, 'may only be specified when readOnly is true');
  if (mount.mountPropagation !== undefined && mount.mountPropagation !== 'None') {
    findings.forbidden(path, 'may only be specified when mountPropagation is None or not specified');
  }
}

function validateSubPath(mount: VolumeMount, path: FieldPath, findings: Findings): void {
  if (mount.subPath && mount.subPathExpr) {
    findings.invalid(path.child('subPathExpr'), mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive');
  }
  for (const field of ['subPath', 'subPathExpr'] as const) {
    const value = mount[field];
    if (value) validateLocalPath(value, path.child(field), findings);
  }
}
