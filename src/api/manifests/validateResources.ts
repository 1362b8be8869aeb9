import { qualifiedNameErrors } from '../../k8s/nameValidation.ts';
import { amountsOf, type ResourceAmounts } from '../../k8s/resourceAmounts.ts';
import type { ResourceRequirements } from '../../types/k8s.ts';
import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';

const NANO_PER_UNIT = 1_000_000_000n;

/** Checks names, signs and relations of requests and limits. */
export function validateResources(resources: ResourceRequirements, path: FieldPath, findings: Findings): void {
  const limits = amountsOf(resources.limits);
  const requests = amountsOf(resources.requests);
  validateList(resources.limits, limits, path.child('limits'), findings);
  validateList(resources.requests, requests, path.child('requests'), findings);
  for (const [name, request] of requests) {
    const limit = limits.get(name);
    const at = path.child('requests');
    const shown = resources.requests?.[name] ?? '';
    if (!canOvercommit(name)) {
      if (limit === undefined)
        findings.required(path.child('limits'), 'Limit must be set for non overcommitable resources');
      else if (limit !== request)
        findings.invalid(at, shown, `must be equal to ${name} limit of ${resources.limits?.[name]}`);
    } else if (limit !== undefined && request > limit) {
      findings.invalid(at, shown, `must be less than or equal to ${name} limit of ${resources.limits?.[name]}`);
    }
  }
}

function validateList(
  list: Readonly<Record<string, string>> | undefined,
  amounts: ResourceAmounts,
  path: FieldPath,
  findings: Findings,
): void {
  for (const [name, text] of Object.entries(list ?? {})) {
    const at = path.key(name);
    findings.invalidAll(at, name, resourceNameErrors(name));
    const nano = amounts.get(name);
    if (nano === undefined) findings.invalid(at, text, "must be a quantity such as '500m' or '1Gi'");
    else if (nano < 0n) findings.invalid(at, text, 'must be greater than or equal to 0');
    else if (!canOvercommit(name) && nano % NANO_PER_UNIT !== 0n)
      findings.invalid(
        at,
        text,
        name.startsWith('hugepages-') ? `${text} is not positive integer multiple of ${name}` : 'must be an integer',
      );
  }
}

/** Requests may be below limits for what Kubernetes itself shares out; extended resources and huge pages are given whole. */
function canOvercommit(name: string): boolean {
  if (name.startsWith('hugepages-')) return false;
  return !name.includes('/') || name.startsWith('kubernetes.io/');
}

/** Why a text is no name of a resource; empty when it is one. */
function resourceNameErrors(name: string): string[] {
  const errors = qualifiedNameErrors(name);
  if (errors.length > 0 || name.includes('/')) return errors;
  const standard = ['cpu', 'memory', 'ephemeral-storage'].includes(name) || name.startsWith('hugepages-');
  return standard ? [] : ['must be a standard resource type or fully qualified'];
}

const RESOURCE_FIELDS = ['cpu', 'ephemeral-storage', 'memory'];
const SELECTORS = ['limits', 'requests'].flatMap((side) => RESOURCE_FIELDS.map((name) => `${side}.${name}`));

/** Checks the `resource` of a resourceFieldRef. */
export function validateResourceField(resource: string | undefined, path: FieldPath, findings: Findings): void {
  if (!resource) findings.required(path);
  else if (!/^(limits|requests)\.hugepages-/.test(resource)) findings.oneOf(path, resource, SELECTORS);
}
