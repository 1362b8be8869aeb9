import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../../cri/observed.ts';
import { isSidecar } from '../../k8s/containerTotals.ts';
import { allNamed } from '../../lib/named.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import type { Container, Pod } from '../../types/k8s.ts';

/** What the views are made of. */
export interface ViewFacts {
  readonly runtime: ObservedPod | null;
  /** Highest restart number seen in the log directory, for containers that the runtime has forgotten. */
  readonly logRestarts: Readonly<Record<string, number>>;
}

/** What a container is in its Pod. A sidecar is an init container with restartPolicy Always (KEP-753). */
export type ContainerKind = 'init' | 'sidecar' | 'main' | 'ephemeral';

/** One container of the spec beside what the runtime was seen to hold of it. */
export interface ContainerView {
  readonly name: string;
  readonly kind: ContainerKind;
  readonly container: Container;
  /** Newest first; over all sandboxes of the Pod. */
  readonly history: readonly ObservedContainer[];
  readonly latest?: ObservedContainer;
  /** The latest one if it lives in the Pod's present sandbox. */
  readonly current?: ObservedContainer;
  /** Number of the next attempt: the restartCount it will show. */
  readonly nextAttempt: number;
}

/** The sandbox a Pod is running in: the newest, if it is ready. */
export function readySandbox(facts: Pick<ViewFacts, 'runtime'>): ObservedSandbox | undefined {
  const newest = facts.runtime?.sandboxes[0];
  return newest?.ready ? newest : undefined;
}

function viewOf(facts: ViewFacts, container: Container, kind: ContainerKind): ContainerView {
  const history = allNamed(facts.runtime?.containers, container.name);
  const latest = history[0];
  const sandbox = facts.runtime?.sandboxes[0];
  const fromLogs = ownEntry(facts.logRestarts, container.name);
  const nextAttempt = latest ? latest.restartCount + 1 : fromLogs !== undefined ? fromLogs + 1 : 0;
  return {
    name: container.name,
    kind,
    container,
    history,
    nextAttempt,
    ...(latest ? { latest } : {}),
    ...(latest && sandbox && latest.sandboxId === sandbox.id ? { current: latest } : {}),
  };
}

/** All containers of a Pod's spec in its order, by what they are; `init` has the sidecars too. */
export interface PodViews {
  readonly init: readonly ContainerView[];
  readonly main: readonly ContainerView[];
  readonly ephemeral: readonly ContainerView[];
  readonly all: readonly ContainerView[];
}

/** All containers of the spec with their observations. */
export function podViews(facts: ViewFacts, pod: Pod): PodViews {
  const init = (pod.spec?.initContainers ?? []).map((c) => viewOf(facts, c, isSidecar(c) ? 'sidecar' : 'init'));
  const main = (pod.spec?.containers ?? []).map((c) => viewOf(facts, c, 'main'));
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map((c) => viewOf(facts, c as Container, 'ephemeral'));
  return { init, main, ephemeral, all: [...init, ...main, ...ephemeral] };
}

/** Containers that run or may run: what a Pod's end waits for. */
export function aliveContainers(facts: Pick<ViewFacts, 'runtime'>): ObservedContainer[] {
  return (facts.runtime?.containers ?? []).filter((c) => c.state === 'running' || c.state === 'unknown');
}
