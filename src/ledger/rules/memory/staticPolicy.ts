import { isSidecar } from '../../../k8s/containerTotals.ts';
import { smaller } from '../../../lib/bigints.ts';
import type { Container, StoredPod } from '../../../types/k8s.ts';
import { containersOf } from '../topology/containers.ts';
import type { AllocationError, Hint, HintProvider, Hints } from '../topology/hints.ts';
import { maskOf, type NumaMask, nodesOf } from '../topology/numaMask.ts';
import type { Wants } from '../wants.ts';
import { bestHint, hasEnough, memoryHints, violates } from './hints.ts';
import { blocksOf, type MemoryBlock, type MemoryState, returnMemory, takeBlock, withBlocks } from './memoryState.ts';
import type { MemoryRequest } from './requests.ts';
import { divideMemory, emptyPool } from './wholePod.ts';

const refusal = (message: string): AllocationError => ({ message: `[memorymanager] ${message}` });

/** Gives memory to the containers of one Pod (policy Static). Thrown away after a rejection; else its state is the new one. */
export class MemoryAllocation implements HintProvider {
  readonly #pod: StoredPod;
  readonly #wants: Wants;
  /** Bytes by nodes and kind that init containers had who have ended when the next one starts. */
  readonly #reusable = new Map<string, bigint>();
  #state: MemoryState;

  constructor(state: MemoryState, pod: StoredPod, wants: Wants) {
    this.#state = state;
    this.#pod = pod;
    this.#wants = wants;
  }

  get state(): MemoryState {
    return this.#state;
  }

  hints(container: Container): Hints {
    if (!this.#wants.may) return null;
    const request = this.#wants.memory(container);
    const has = blocksOf(this.#state, this.#uid, container.name);
    return has ? again(has, request) : this.#hints(request);
  }

  podHints(): Hints {
    if (!this.#wants.may) return null;
    const request = this.#wants.memoryOfPod();
    if (this.#wants.asPod && emptyPool(this.#pod, this.#wants, request))
      return Object.fromEntries([...request.keys()].map((kind) => [kind, []]));
    if (request.size === 0) return null;
    const has = containersOf(this.#pod)
      .map(({ name }) => blocksOf(this.#state, this.#uid, name))
      .find((blocks) => blocks !== undefined);
    return has ? again(has, request) : this.#hints(request);
  }

  allocate(container: Container, affinity: Hint): AllocationError | undefined {
    if (!this.#wants.may) return undefined;
    const has = blocksOf(this.#state, this.#uid, container.name);
    if (has) {
      this.#noteReusable(container, has);
      return undefined;
    }
    const request = this.#wants.memory(container);
    const chosen = this.#choose(request, affinity);
    if ('message' in chosen) return chosen;
    this.#give(container, request, chosen.nodes);
    return undefined;
  }

  allocatePod(affinity: Hint): AllocationError | undefined {
    if (!this.#wants.may) return undefined;
    const request = this.#wants.memoryOfPod();
    const empty = emptyPool(this.#pod, this.#wants, request);
    if (empty !== undefined) return { reason: 'EmptyPodSharedPoolError', message: empty };
    // What its containers were given one by one (the scope was another one then) becomes the Pod's.
    this.#state = returnMemory(this.#state, this.#uid);
    const chosen = this.#choose(request, affinity);
    if ('message' in chosen) return chosen;
    const nodes = nodesOf(chosen.nodes);
    const blocks = (of: MemoryRequest) => [...of].map(([kind, size]): MemoryBlock => ({ nodes, kind, size }));
    const whole = blocks(request);
    let { machine } = this.#state;
    for (const block of whole) machine = takeBlock(machine, block, block.size);
    this.#state = { ...this.#state, machine, pods: new Map(this.#state.pods).set(this.#uid, whole) };
    for (const [name, part] of divideMemory(this.#pod, this.#wants, request))
      this.#state = withBlocks(this.#state, this.#uid, name, blocks(part));
    return undefined;
  }

  get #uid(): string {
    return this.#pod.metadata.uid;
  }

  #hints(request: MemoryRequest): Hints {
    const hints = memoryHints(this.#state.machine, request, this.#left);
    return hints.length === 0 ? null : Object.fromEntries([...request.keys()].map((kind) => [kind, hints]));
  }

  readonly #left = (nodes: NumaMask, kind: string): bigint => this.#reusable.get(`${nodes} ${kind}`) ?? 0n;

  /** The nodes of the affinity if they have enough, else the best that hold them too. */
  #choose(request: MemoryRequest, affinity: Hint): { readonly nodes: NumaMask } | AllocationError {
    const all = memoryHints(this.#state.machine, request, this.#left);
    let best = affinity;
    if (best.nodes === null) {
      // Go finds no node for a container that asks for nothing, as one that shares its Pod's memory does.
      const found = request.size > 0 ? bestHint(all) : undefined;
      if (!found) {
        return refusal('failed to get the default NUMA affinity, no NUMA nodes with enough memory is available');
      }
      if (!found.preferred && best.preferred) return refusal('failed to find the default preferred hint');
      best = found;
    }
    const nodes = best.nodes ?? 0;
    if (hasEnough(this.#state.machine, nodesOf(nodes), request, 'free')) return this.#checked(nodes);
    const wider = bestHint(all.filter((hint) => ((hint.nodes ?? 0) & nodes) === nodes));
    if (!wider) return refusal('failed to find NUMA nodes to extend the current topology hint');
    if (!wider.preferred && best.preferred) return refusal('failed to find the extended preferred hint');
    return this.#checked(wider.nodes ?? 0);
  }

  #checked(nodes: NumaMask): { readonly nodes: NumaMask } | AllocationError {
    if (!violates(this.#state.machine, nodesOf(nodes))) return { nodes };
    return refusal('preferred hint violates NUMA node allocation');
  }

  #give(container: Container, request: MemoryRequest, mask: NumaMask): void {
    const nodes = nodesOf(mask);
    const blocks = [...request].map(([kind, size]): MemoryBlock => ({ nodes, kind, size }));
    let { machine } = this.#state;
    for (const block of blocks) {
      const left = this.#left(mask, block.kind);
      machine = takeBlock(machine, block, left >= block.size ? 0n : block.size - left);
    }
    this.#noteReusable(container, blocks);
    this.#state = withBlocks({ ...this.#state, machine }, this.#uid, container.name, blocks);
    this.#shrinkInitContainers(container, blocks);
  }

  #noteReusable(container: Container, blocks: readonly MemoryBlock[]): void {
    const init = this.#pod.spec.initContainers?.find(({ name }) => name === container.name);
    const ends = init !== undefined && !isSidecar(init);
    for (const { nodes, kind, size } of blocks) {
      const key = `${maskOf(nodes)} ${kind}`;
      const left = this.#reusable.get(key) ?? 0n;
      if (ends) this.#reusable.set(key, size > left ? size : left);
      else if (left !== 0n) this.#reusable.set(key, size >= left ? 0n : left - size);
    }
  }

  /** What is used again counts for its new user, so that a Pod's blocks add up to what it holds. */
  #shrinkInitContainers(container: Container, blocks: readonly MemoryBlock[]): void {
    for (const { nodes, kind, size } of blocks) {
      let open = size;
      for (const init of this.#pod.spec.initContainers ?? []) {
        if (init.name === container.name || open === 0n) break;
        if (isSidecar(init)) continue;
        const has = blocksOf(this.#state, this.#uid, init.name);
        if (!has || has.length === 0) continue;
        const shrunk = has.map((block) => {
          if (block.kind !== kind || maskOf(block.nodes) !== maskOf(nodes)) return block;
          const used = smaller(block.size, open);
          open -= used;
          return { ...block, size: block.size - used };
        });
        this.#state = withBlocks(this.#state, this.#uid, init.name, shrunk);
      }
    }
  }
}

/** The hint that leads to what a container has already; it does not mind if what it asks for has changed since. */
function again(blocks: readonly MemoryBlock[], request: MemoryRequest): Hints {
  if (blocks.length !== request.size || blocks.some(({ kind, size }) => request.get(kind) !== size)) return null;
  return Object.fromEntries(blocks.map(({ kind, nodes }) => [kind, [{ nodes: maskOf(nodes), preferred: true }]]));
}
