import type { ContainerView } from '../../pods/rules/views.ts';
import type { AllocatedPod, Pod } from '../../types/k8s.ts';
import { containerHash } from '../spec/containerHash.ts';
import type { PodFacts } from './facts.ts';
import type { Kill } from './memory.ts';
import { restartsForResize } from './resizeWork.ts';
import { restartsAfterKill } from './restart.ts';
import { ownGrace } from './stop.ts';

/** Why a container is stopped while its Pod goes on, and the grace that it gets. */
export interface KillCause {
  readonly message: string;
  readonly graceSeconds: number;
  readonly reason: Kill['reason'];
}

/** Grace of a container that is stopped while its Pod goes on: the probe's own, else the Pod's (KEP-2238). */
function grace(pod: Pod, view: ContainerView, reason: Kill['reason']): number {
  const probe =
    reason === 'liveness'
      ? view.container.livenessProbe
      : reason === 'startup'
        ? view.container.startupProbe
        : undefined;
  return pod.metadata?.deletionGracePeriodSeconds ?? probe?.terminationGracePeriodSeconds ?? ownGrace(pod);
}

/** Why a running (or unknown) container must be stopped now; undefined: let it run. Messages are kubelet's Killing texts. */
export function killFor(
  facts: PodFacts,
  pod: AllocatedPod,
  view: ContainerView,
  hook: 'done' | 'running' | 'failed',
): KillCause | undefined {
  const c = view.current;
  if (!c) return undefined;
  const init = view.kind === 'sidecar' || view.kind === 'init' ? 'Init container' : 'Container';
  const cause = (reason: Kill['reason'], message: string): KillCause => ({
    reason,
    message,
    graceSeconds: grace(pod, view, reason),
  });
  if (c.state === 'unknown') return cause('unknown', `${init} is in "unknown" state, try killing it before restart`);
  if (hook === 'failed') return cause('hook', 'FailedPostStartHook');
  if (c.hash !== '' && c.hash !== containerHash(view.container) && view.kind !== 'ephemeral' && view.kind !== 'init') {
    const text = `${init} ${view.name} definition changed`;
    return cause('definition', view.kind === 'sidecar' ? text : `${text}, will be restarted`);
  }
  const probe = facts.probes[view.name];
  if (probe?.containerId !== c.id || !probe.failed) {
    return restartsForResize(facts, pod, view)
      ? cause('resize', `Container ${view.name} resize requires restart`)
      : undefined;
  }
  const text = `${init} ${view.name} failed ${probe.failed} probe`;
  return cause(
    probe.failed,
    view.kind !== 'sidecar' && restartsAfterKill(pod, view.container) ? `${text}, will be restarted` : text,
  );
}
