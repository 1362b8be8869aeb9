import { type Arithmetic, totalOf } from '../../k8s/containerTotals.ts';
import { isPodLevelResource } from '../../k8s/podResources.ts';
import type { ParsedQuantity } from '../../k8s/quantity.ts';
import { addQuantities, formatQuantity, maxQuantity } from '../../k8s/quantity.ts';
import type { Container, PodSpec, PodStatus, ResourceRequirements } from '../../types/k8s.ts';
import type { StatusInput } from './input.ts';
import { previousStatus } from './input.ts';
import { readQuantity } from './quantity.ts';
import { mergeList } from './resources.ts';

type ResourceList = Readonly<Record<string, string>>;
type Amounts = Map<string, ParsedQuantity>;
type Side = 'requests' | 'limits';

const quantities: Arithmetic<ParsedQuantity> = { plus: addQuantities, larger: maxQuantity };

/** `resources` and `allocatedResources` of the Pod as a whole (KEP-5419): sums until it runs, then what its cgroup allows. */
export function podLevelResources(
  input: StatusInput,
  spec: PodSpec,
  phase: string,
): Pick<PodStatus, 'resources' | 'allocatedResources'> {
  const requests = podTotal(spec, 'requests');
  const allocatedResources = Object.keys(requests).length > 0 ? { allocatedResources: requests } : {};
  const allocated = compact({ ...spec.resources, requests, limits: podTotal(spec, 'limits') });
  if (phase !== 'Running') return { ...allocatedResources, resources: allocated };
  return { ...allocatedResources, resources: inForce(input, spec, allocated) };
}

/** What the whole Pod asks for: containers with init containers' peaks (KEP-753), Pod-level values over them, plus overhead. */
export function podTotal(spec: PodSpec, side: Side): ResourceList {
  const total = totalOf(spec, (container) => listOf(container, side), quantities);
  for (const [name, text] of Object.entries(spec.resources?.[side] ?? {})) {
    const amount = readQuantity(text);
    if (amount && isPodLevelResource(name)) total.set(name, amount);
  }
  for (const [name, text] of Object.entries(spec.overhead ?? {})) {
    const overhead = readQuantity(text);
    const value = total.get(name);
    // No limit plus overhead is still no limit.
    if (!overhead || (side === 'limits' && (!value || value.nano === 0n))) continue;
    total.set(name, value ? addQuantities(value, overhead) : overhead);
  }
  return Object.fromEntries([...total].map(([name, amount]) => [name, formatQuantity(amount)]));
}

function inForce(input: StatusInput, spec: PodSpec, allocated: ResourceRequirements): ResourceRequirements {
  const before = previousStatus(input);
  const known = before.phase === 'Running' ? before.resources : undefined;
  if (!input.podCgroup) return scalable(spec, known ?? allocated);
  const { cpuRequest, cpuLimit, memoryLimit } = input.podCgroup;
  // Memory requests are not in the cgroup: the Pod-level one, else the sum. (The Go kubelet keeps the first one it reported.)
  const memoryRequest = spec.resources?.requests?.memory ?? allocated.requests?.memory;
  return compact({
    ...spec.resources,
    requests: mergeList(spec.resources?.requests ?? {}, known?.requests, cpuRequest, memoryRequest, 2),
    limits: mergeList(spec.resources?.limits ?? {}, known?.limits, cpuLimit, memoryLimit, 10),
  });
}

/** Of a Pod that runs only cpu and memory are shown, and what it asks for as a whole: the rest has no value in the cgroup. */
function scalable(spec: PodSpec, { requests, limits, ...rest }: ResourceRequirements): ResourceRequirements {
  const shown = (list: ResourceList | undefined, own: ResourceList | undefined) =>
    Object.fromEntries(Object.entries(list ?? {}).filter(([name]) => ['cpu', 'memory'].includes(name) || own?.[name]));
  const own = spec.resources;
  return compact({ ...rest, requests: shown(requests, own?.requests), limits: shown(limits, own?.limits) });
}

function listOf(container: Container, side: Side): Amounts {
  const entries = Object.entries(container.resources?.[side] ?? {});
  return new Map(
    entries.flatMap(([name, text]) => {
      const amount = readQuantity(text);
      return amount ? [[name, amount] as const] : [];
    }),
  );
}

function compact({ requests, limits, ...rest }: ResourceRequirements): ResourceRequirements {
  return {
    ...rest,
    ...(requests && Object.keys(requests).length > 0 ? { requests } : {}),
    ...(limits && Object.keys(limits).length > 0 ? { limits } : {}),
  };
}
