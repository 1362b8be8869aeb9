import type { ObservedContainer, ObservedPod } from '../../cri/observed.ts';
import { isSidecar } from '../../k8s/containerTotals.ts';
import { allNamed, named } from '../../lib/named.ts';
import type { Container, ContainerStatus, PodSpec, PodStatus } from '../../types/k8s.ts';
import type { StatusTurn } from './containerStatus.ts';
import { notStarted, statusFromRuntime, statusWithoutContainer } from './containerStatus.ts';
import type { StatusInput } from './input.ts';
import { previousStatus } from './input.ts';
import { restartsAfter } from './restartPolicy.ts';
import { lostInitContainerMessage } from './words.ts';

type Kind = 'init' | 'main' | 'ephemeral';
type StatusLists = Required<
  Pick<PodStatus, 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses'>
>;

/** The three lists: main and ephemeral containers sorted by name, init containers as in the spec. `ready` comes later. */
export function containerStatuses(input: StatusInput, spec: PodSpec, restartingAll: boolean): StatusLists {
  const before = previousStatus(input);
  const turn: StatusTurn = { input, restartingAll, hasInitContainers: (spec.initContainers?.length ?? 0) > 0 };
  const main = listFor('main', spec.containers, before.containerStatuses, spec, turn);
  const ephemeral = listFor('ephemeral', spec.ephemeralContainers, before.ephemeralContainerStatuses, spec, turn);
  return {
    containerStatuses: main.sort(byName),
    initContainerStatuses: listFor('init', spec.initContainers, before.initContainerStatuses, spec, turn),
    ephemeralContainerStatuses: ephemeral.sort(byName),
  };
}

function listFor(
  kind: Kind,
  containers: readonly Container[] | undefined,
  before: readonly ContainerStatus[] | undefined,
  spec: PodSpec,
  turn: StatusTurn,
): ContainerStatus[] {
  const { runtime } = turn.input;
  return (containers ?? []).map((container) => {
    const old = named(before, container.name);
    if (!runtime) return old ?? withReason(notStarted(container, undefined, turn), container, undefined, spec, turn);
    const [newest, ...older] = allNamed(runtime.containers, container.name);
    const status = newest
      ? statusFromRuntime(container, [newest, ...older], old, turn)
      : statusWithoutContainer(container, old, turn);
    if (kind === 'init' && newest?.state === 'exited' && newest.exitCode === 0) return status;
    // A worker that gives a reason means to run it, so it is not taken for done unless it is known to be.
    const isWanted = Object.hasOwn(turn.input.waiting, container.name) && status.state?.terminated?.exitCode !== 0;
    const mayForget = kind === 'init' && !newest && !turn.restartingAll && !isWanted;
    if (mayForget && isForgotten(container, status, runtime, spec)) return asCompleted(status);
    return withReason(status, container, newest, spec, turn);
  });
}

// The last word is the worker's: why it does not start the container now. A former end moves to lastState.
function withReason(
  status: ContainerStatus,
  container: Container,
  newest: ObservedContainer | undefined,
  spec: PodSpec,
  turn: StatusTurn,
): ContainerStatus {
  const { input } = turn;
  const waiting = Object.hasOwn(input.waiting, container.name) ? input.waiting[container.name] : undefined;
  if (!waiting || !startsAgain(container, newest, spec, input)) return status;
  const { reason, message } = waiting;
  return {
    // Without a container there is no id or image to show either.
    ...(newest ? status : notStarted(container, status, turn)),
    state: { waiting: { ...(reason ? { reason } : {}), ...(message ? { message } : {}) } },
    ...(status.state?.terminated ? { lastState: { terminated: status.state.terminated } } : {}),
  };
}

function startsAgain(
  container: Container,
  newest: ObservedContainer | undefined,
  spec: PodSpec,
  input: StatusInput,
): boolean {
  // Also without a deletion a Pod that is being ended starts nothing: its containers' real ends are shown.
  if (input.terminating || input.pod.metadata?.deletionTimestamp !== undefined) return false;
  if (!newest || newest.state === 'unknown' || newest.state === 'created') return true;
  return newest.state === 'exited' && restartsAfter(container, spec, newest.exitCode);
}

// Neither the API nor the runtime remembers this init container, but a main container exists: so it must have succeeded.
// A sidecar is simply started again.
function isForgotten(container: Container, status: ContainerStatus, runtime: ObservedPod, spec: PodSpec): boolean {
  if (isSidecar(container) || (!status.state?.waiting && status.state?.terminated?.exitCode !== 0)) return false;
  const main = new Set(spec.containers.map((c) => c.name));
  return runtime.containers.some((c) => c.state !== 'unknown' && main.has(c.name));
}

function asCompleted(status: ContainerStatus): ContainerStatus {
  if (status.state?.terminated) return status;
  return { ...status, state: { terminated: { exitCode: 0, reason: 'Completed', message: lostInitContainerMessage } } };
}

function byName(a: ContainerStatus, b: ContainerStatus): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
