import { hasPodLevelResources } from '../../k8s/podResources.ts';
import { computePodQOS } from '../../k8s/qos.ts';
import { quantityMilli, quantityValue } from '../../k8s/quantity.ts';
import type { Container, Pod } from '../../types/k8s.ts';
import { ownCpus, ownCpusOfPod } from './cpus/requests.ts';
import { type MemoryRequest, memoryRequest, memoryRequestOfPod } from './memory/requests.ts';

/** What a Pod and its containers ask for of their own, in whole CPUs and bytes of memory. */
export interface Wants {
  /** Whether anything may be theirs alone; if not, the rest says nothing. */
  readonly may: boolean;
  /** The Pod has resources as a whole, which its containers divide among them (feature gate PodLevelResourceManagers, KEP-5526). */
  readonly asPod: boolean;
  cpus(container: Container): number;
  /** All containers together at most at one time; of a Pod with resources as a whole, these. */
  cpusOfPod(): number;
  memory(container: Container): MemoryRequest;
  memoryOfPod(): MemoryRequest;
}

const NOTHING: MemoryRequest = new Map();

/** `podLevel`: the feature gate; without it a Pod with resources as a whole has nothing of its own. */
export function wantsOf(pod: Pod, podLevel: boolean): Wants {
  const asPod = podLevel && hasPodLevelResources(pod);
  const isOwn = (container: Container) => !asPod || isGuaranteedAlone(container);
  const cpus = (container: Container) => (isOwn(container) ? ownCpus(container) : 0);
  const memory = (container: Container) => (isOwn(container) ? memoryRequest(container) : NOTHING);
  return {
    may: computePodQOS(pod) === 'Guaranteed' && (podLevel || !hasPodLevelResources(pod)),
    asPod,
    cpus,
    cpusOfPod: () => (asPod ? ownCpus({ name: '', resources: pod.spec?.resources ?? {} }) : ownCpusOfPod(pod)),
    memory,
    memoryOfPod: () => (asPod ? wholeMemory(pod) : memoryRequestOfPod(pod)),
  };
}

function wholeMemory(pod: Pod): MemoryRequest {
  const request = memoryRequest({ name: '', resources: pod.spec?.resources ?? {} });
  return new Map([...request].filter(([, size]) => size > 0n));
}

/** Whether a container would be Guaranteed by itself: only then it has its part of the Pod's resources alone. */
function isGuaranteedAlone({ resources: { requests, limits } = {} }: Container): boolean {
  const same = (name: 'cpu' | 'memory', amount: (text: string) => bigint) => {
    const limit = limits?.[name];
    const request = requests?.[name] ?? limit;
    return limit !== undefined && request !== undefined && amount(request) > 0n && amount(request) === amount(limit);
  };
  return same('cpu', quantityMilli) && same('memory', quantityValue);
}
