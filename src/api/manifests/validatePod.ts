import { isIP } from 'node:net';
import { dnsLabelErrors, dnsSubdomainErrors, qualifiedNameErrors } from '../../k8s/nameValidation.ts';
import type { Pod, PodSpec, Toleration } from '../../types/k8s.ts';
import { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';
import { validateContainers } from './validateContainers.ts';
import { validateLabels, validateMeta } from './validateMeta.ts';
import { validateResources } from './validateResources.ts';
import { validatePodSecurity } from './validateSecurity.ts';
import { validateVolumes } from './validateVolumes.ts';

const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const IP_RULE = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
/** A DNS subdomain whose labels may start with an underscore. */
const SEARCH_PATTERN = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*';
const SEARCH_DOMAIN = new RegExp(`^${SEARCH_PATTERN}$`);
const SEARCH_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with " +
  `an alphanumeric character (e.g. 'example.com', regex used for validation is '${SEARCH_PATTERN}')`;
const MAX_INT32 = 2 ** 31 - 1;

/**
 * Checks a defaulted Pod as the API server checks a created one, in its words and with its field paths (core/validation of 1.36). What
 * only a scheduler reads (affinity, spreading, claims) is checked for its types only.
 */
export function validatePod(pod: Pod, findings: Findings): void {
  validateMeta(pod.metadata ?? {}, FieldPath.root.child('metadata'), findings);
  const path = FieldPath.root.child('spec');
  const spec = pod.spec ?? { containers: [] };
  validateVolumes(pod, path.child('volumes'), findings);
  validateContainers(pod, path, findings);
  findings.oneOf(path.child('restartPolicy'), spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  findings.range(path.child('activeDeadlineSeconds'), spec.activeDeadlineSeconds, 1, MAX_INT32);
  validateNames(spec, path, findings);
  validateDns(spec, path, findings);
  validateLabels(spec.nodeSelector, path.child('nodeSelector'), findings);
  validateHost(spec, path, findings);
  for (const [index, toleration] of (spec.tolerations ?? []).entries()) {
    validateToleration(toleration, path.child('tolerations').index(index), findings);
  }
  if (spec.resources) validateResources(spec.resources, path.child('resources'), findings);
  if (spec.securityContext) validatePodSecurity(spec.securityContext, path.child('securityContext'), findings);
  for (const [index, gate] of (spec.readinessGates ?? []).entries()) {
    const at = path.child('readinessGates').index(index).child('conditionType');
    findings.invalidAll(at, gate.conditionType ?? '', qualifiedNameErrors(gate.conditionType ?? ''));
  }
  if (spec.nodeName && (spec.schedulingGates ?? []).length > 0) {
    findings.forbidden(path.child('nodeName'), 'cannot be set until all schedulingGates have been cleared');
  }
}

function validateNames(spec: PodSpec, path: FieldPath, findings: Findings): void {
  const subdomains = [
    'serviceAccountName',
    'nodeName',
    'priorityClassName',
    'runtimeClassName',
    'hostnameOverride',
  ] as const;
  for (const field of subdomains) {
    const name = spec[field];
    if (name) findings.invalidAll(path.child(field), name, dnsSubdomainErrors(name));
  }
  for (const field of ['hostname', 'subdomain'] as const) {
    const name = spec[field];
    if (name) findings.invalidAll(path.child(field), name, dnsLabelErrors(name));
  }
  if (spec.preemptionPolicy !== undefined) {
    findings.oneOf(path.child('preemptionPolicy'), spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  }
  if (spec.os) findings.oneOf(path.child('os', 'name'), spec.os.name, ['linux', 'windows']);
}

function validateDns(spec: PodSpec, path: FieldPath, findings: Findings): void {
  findings.oneOf(path.child('dnsPolicy'), spec.dnsPolicy, DNS_POLICIES);
  const at = path.child('dnsConfig');
  const { nameservers = [], searches = [], options = [] } = spec.dnsConfig ?? {};
  if (spec.dnsPolicy === 'None' && nameservers.length === 0) {
    const where = spec.dnsConfig ? at.child('nameservers') : at;
    findings.required(where, "must provide at least one DNS nameserver when `dnsPolicy` is 'None'");
  }
  if (nameservers.length > 3)
    findings.invalid(at.child('nameservers'), nameservers, 'must not have more than 3 nameservers');
  for (const [index, server] of nameservers.entries()) {
    if (isIP(server) === 0) findings.invalid(at.child('nameservers').index(index), server, IP_RULE);
  }
  if (searches.length > 32)
    findings.invalid(at.child('searches'), searches.length, 'must not have more than 32 search paths');
  if (searches.join(' ').length > 2048) {
    findings.invalid(
      at.child('searches'),
      searches.length,
      'must not have more than 2048 characters (including spaces) in the search list',
    );
  }
  for (const [index, search] of searches.entries()) {
    const name = search.replace(/\.$/, '');
    if (search === '.' || (name.length <= 253 && SEARCH_DOMAIN.test(name))) continue;
    findings.invalid(at.child('searches').index(index), name, SEARCH_RULE);
  }
  for (const [index, option] of options.entries()) {
    if (!option.name) findings.required(at.child('options').index(index), 'must not be empty');
  }
}

function validateHost(spec: PodSpec, path: FieldPath, findings: Findings): void {
  if (spec.shareProcessNamespace && spec.hostPID) {
    findings.invalid(
      path.child('shareProcessNamespace'),
      true,
      'ShareProcessNamespace and HostPID cannot both be enabled',
    );
  }
  if (spec.hostUsers === false) validateUserNamespace(spec, path, findings);
  for (const [index, alias] of (spec.hostAliases ?? []).entries()) {
    const at = path.child('hostAliases').index(index);
    if (isIP(alias.ip ?? '') === 0) {
      findings.invalid(at.child('ip'), alias.ip ?? '', IP_RULE);
    }
    for (const [n, name] of (alias.hostnames ?? []).entries()) {
      findings.invalidAll(at.child('hostnames').index(n), name, dnsSubdomainErrors(name));
    }
  }
}

/** What a Pod with a user namespace of its own cannot have. Two names are spelt as Kubernetes spells them here. */
function validateUserNamespace(spec: PodSpec, path: FieldPath, findings: Findings): void {
  const when = 'when `hostUsers` is false';
  if (spec.hostNetwork) findings.forbidden(path.child('hostNetwork'), when);
  if (spec.hostPID) findings.forbidden(path.child('HostPID'), when);
  if (spec.hostIPC) findings.forbidden(path.child('HostIPC'), when);
  for (const kind of ['initContainers', 'containers'] as const) {
    for (const [index, { volumeDevices = [] }] of (spec[kind] ?? []).entries())
      if (volumeDevices.length > 0) findings.forbidden(path.child(kind).index(index).child('volumeDevices'), when);
  }
}

function validateToleration(toleration: Toleration, path: FieldPath, findings: Findings): void {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  if (key !== '') findings.invalidAll(path.child('key'), key, qualifiedNameErrors(key));
  if (key === '' && operator !== 'Exists') {
    findings.invalid(
      path.child('operator'),
      operator,
      'operator must be Exists when `key` is empty, which means "match all values and all keys"',
    );
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    findings.invalid(path.child('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
  }
  findings.oneOf(path.child('operator'), operator || 'Equal', ['Equal', 'Exists']);
  if (operator === 'Exists' && value !== '') {
    findings.invalid(path.child('operator'), value, "value must be empty when `operator` is 'Exists'");
  }
  if (effect !== '') findings.oneOf(path.child('effect'), effect, ['NoSchedule', 'PreferNoSchedule', 'NoExecute']);
}
