import { mergeResources } from '../pods/rules/actuation.ts';
import { differs, resourcesOf, sameAllocation, withAllocation } from '../pods/rules/allocation.ts';
import type { AllocatedPod, Pod, PodResources } from '../types/k8s.ts';
import type { ResizeOutcome } from './outcome.ts';
import { allocatedBefore } from './rules/allocation.ts';
import type { PodCgroupFact, PodFacts, ResizeWish } from './rules/facts.ts';
import { optional, type ResourceUpdate } from './rules/news.ts';

/** What an earlier life of the agent wrote down of a Pod's resources. */
export interface RecordedResources {
  readonly allocated?: PodResources | undefined;
  readonly actuated?: PodResources | undefined;
}

/** A record of another kubelet may leave containers out that cannot be resized there: they have what they ask for. */
function completed(allocated: PodResources, pod: Pod): PodResources {
  const all = resourcesOf(pod).containers;
  const isComplete = Object.keys(all).every((name) => Object.hasOwn(allocated.containers, name));
  return isComplete ? allocated : { ...allocated, containers: { ...all, ...allocated.containers } };
}

/** The Pod as its source has it, what it was given of that, and what of this was carried out (KEP-1287). */
export class ResourceFacts {
  #desired: Pod | null = null;
  #pod: AllocatedPod | null = null;
  #allocated: PodResources | undefined;
  #actuated: PodResources | undefined;
  #podCgroup: PodCgroupFact | undefined;
  #asked: ResizeOutcome | undefined;
  #resize: ResizeWish | undefined;
  #granted: { readonly number: number; readonly generation: number } | undefined;

  constructor(recorded: RecordedResources) {
    this.#allocated = recorded.allocated;
    this.#actuated = recorded.actuated;
  }

  /** As its source has it. */
  get desired(): Pod | null {
    return this.#desired;
  }

  /** The same with the resources that it was given. */
  get pod(): AllocatedPod | null {
    return this.#pod;
  }

  /** A version of the Pod. What it was heard of with, or given before this process, is what it has until a resize is granted. */
  setPod(pod: Pod): void {
    this.#desired = pod;
    this.#allocated = completed(this.#allocated ?? allocatedBefore(pod), pod);
    this.#pod = withAllocation(pod, this.#allocated);
    this.#wish();
  }

  /** The ledger's first answer to a resize. A later one may have come before it, which took the way of an action's outcome. */
  answered(outcome: ResizeOutcome): void {
    const known = this.#asked;
    const isLate = known !== undefined && known.generation === -1 && sameAllocation(known.wanted, outcome.wanted);
    const { wanted, generation, answer } = outcome;
    this.#asked = isLate ? { ...known, generation } : outcome;
    if (answer.state === 'granted') {
      this.#asked = undefined;
      const isNew = !this.#allocated || !sameAllocation(this.#allocated, wanted);
      if (isNew) this.#granted = { number: (this.#granted?.number ?? 0) + 1, generation };
      this.#allocated = wanted;
      if (this.#desired) this.#pod = withAllocation(this.#desired, wanted);
    }
    this.#wish();
  }

  /** Takes what others tell of it. */
  learn(update: ResourceUpdate): void {
    if (update.kind === 'actuated') this.actuated(update.resources);
    else {
      const first = this.#asked && sameAllocation(this.#asked.wanted, update.wanted) ? this.#asked : undefined;
      this.#asked = { wanted: update.wanted, generation: first?.generation ?? -1, answer: update.answer };
      this.#wish();
    }
  }

  /** These were carried out; what is not among them stays as it was. */
  actuated(resources: PodResources): void {
    this.#actuated = mergeResources(this.#actuated, resources);
  }

  /** Its cgroup was read or set. */
  setCgroup(cgroup: PodCgroupFact): void {
    this.#podCgroup = cgroup;
  }

  /** What decisions see of it. */
  facts(): Pick<PodFacts, 'pod' | 'resize' | 'resizeWithdrawn' | 'resizeGranted' | 'actuated' | 'podCgroup'> {
    const isWithdrawn = this.#resize?.answer === undefined && this.#asked?.answer.state === 'deferred';
    return {
      pod: this.#pod,
      ...optional({
        resize: this.#resize,
        resizeWithdrawn: isWithdrawn ? (true as const) : undefined,
        resizeGranted: this.#granted,
        actuated: this.#actuated,
        podCgroup: this.#podCgroup,
      }),
    };
  }

  #wish(): void {
    this.#resize = undefined;
    if (!this.#desired || !this.#allocated || !differs(this.#desired, this.#allocated)) return;
    const wanted = resourcesOf(this.#desired);
    const asked = this.#asked && sameAllocation(this.#asked.wanted, wanted) ? this.#asked : undefined;
    this.#resize = {
      wanted,
      ...(asked && { answer: { ...asked.answer, generation: asked.generation } }),
    };
  }
}
