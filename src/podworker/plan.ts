import { unstarted } from '../cri/convert.ts';
import type { ObservedContainer, ObservedPod } from '../cri/observed.ts';
import type { Container, Pod } from '../types/k8s.ts';
import { FactSheet } from './factSheet.ts';
import type { Outcome } from './outcome.ts';
import { podSlots } from './podSlots.ts';
import type { Action } from './rules/actions.ts';
import { decide } from './rules/decide.ts';
import type { NodeFacts } from './rules/facts.ts';
import { freshMemory } from './rules/memory.ts';
import { containerHash } from './spec/containerHash.ts';

/** One turn of an imagined start: what would be done at the same moment. */
export interface PlannedStep {
  readonly actions: readonly string[];
}

const node: NodeFacts = {
  api: false,
  runtimeName: 'containerd',
  networkReady: true,
  networkMessage: '',
  hostIPs: ['192.0.2.1'],
  primaryFamily: 4,
  crashLoopMaxMs: 300_000,
};
const maxTurns = 500;

/**
 * What the node would do with a Pod if everything succeeded at once: the same rules as in earnest, on an imagined runtime.
 * Plain init containers end with code 0; other containers go on running. Pure.
 */
export function planPod(pod: Pod): PlannedStep[] {
  const { uid = '', namespace = '', name = '' } = pod.metadata ?? {};
  const sheet = new FactSheet({ uid, namespace, name, seed: 0.5 });
  sheet.setPod(pod, 'file');
  const slots = podSlots();
  let memory = freshMemory();
  let seen: ObservedPod = { uid, namespace, name, seq: 0, sandboxes: [], containers: [] };
  const steps: PlannedStep[] = [];
  for (let turn = 0; turn < maxTurns; turn++) {
    sheet.observation.read(seen);
    const now = { wall: turn, mono: turn };
    const decision = decide(sheet.snapshot(slots.facts(), node, {}, true), memory, now);
    memory = decision.memory;
    const first = decision.start.length > 0;
    if (first) steps.push({ actions: decision.start.map(describe) });
    for (const action of decision.start) {
      slots.begin(action, turn);
      const { seen: after, outcome } = imagine(seen, pod, action, turn);
      seen = after;
      slots.end(action, { startedAt: turn, endedAt: turn, seq: turn });
      sheet.take(outcome, turn);
    }
    const ended = endInitContainers(seen, pod);
    if (!first && ended === seen) break;
    seen = { ...ended, seq: turn + 1 };
  }
  return steps;
}

function describe(action: Action): string {
  switch (action.kind) {
    case 'ensureImage':
      return `have image ${action.image} for ${action.container} (${action.policy})`;
    case 'mountVolume':
      return `set up volume ${action.volume}`;
    case 'createSandbox':
      return 'create the Pod sandbox';
    case 'preparePod':
      return "make the Pod's cgroup and directories";
    case 'reserve':
      return 'reserve resources and host ports';
    case 'createContainer':
      return `create container ${action.container}`;
    case 'startContainer':
      return `start container ${action.container}`;
    case 'postStart':
      return `run the postStart hook of ${action.container}`;
    default:
      return action.kind;
  }
}

function imagine(seen: ObservedPod, pod: Pod, action: Action, at: number): { seen: ObservedPod; outcome: Outcome } {
  switch (action.kind) {
    case 'reserve':
      return { seen, outcome: { admission: { state: 'admitted' } } };
    case 'mountVolume':
      return {
        seen,
        outcome: { volume: { name: action.volume, state: { hostPath: '/', digest: '', objects: action.objects } } },
      };
    case 'createSandbox': {
      const hostNetwork = pod.spec?.hostNetwork === true;
      const sandbox = {
        id: `sandbox-${at}`,
        attempt: action.attempt,
        ready: true,
        createdAt: at,
        ips: ['192.0.2.10'],
        hostNetwork,
        runtimeHandler: '',
      };
      return { seen: { ...seen, sandboxes: [sandbox, ...seen.sandboxes] }, outcome: {} };
    }
    case 'createContainer':
      return { seen: { ...seen, containers: [made(pod, action, at), ...seen.containers] }, outcome: {} };
    case 'startContainer': {
      const containers = seen.containers.map((c) =>
        c.id === action.containerId ? { ...c, state: 'running' as const, startedAt: at } : c,
      );
      return { seen: { ...seen, containers }, outcome: {} };
    }
    default:
      return { seen, outcome: {} };
  }
}

function made(pod: Pod, action: Extract<Action, { kind: 'createContainer' }>, at: number): ObservedContainer {
  const spec = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find(
    (c) => c.name === action.container,
  );
  return unstarted({
    id: `${action.container}-${at}`,
    sandboxId: action.sandboxId,
    name: action.container,
    attempt: action.attempt,
    state: 'created',
    createdAt: at,
    image: spec?.image ?? '',
    imageRef: '',
    imageId: '',
    hash: containerHash((spec ?? { name: action.container }) as Container),
    restartCount: action.attempt,
    annotations: {},
  });
}

function endInitContainers(seen: ObservedPod, pod: Pod): ObservedPod {
  const plain = new Set(
    (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy !== 'Always').map((c) => c.name),
  );
  if (!seen.containers.some((c) => plain.has(c.name) && c.state === 'running')) return seen;
  const containers = seen.containers.map((c) =>
    plain.has(c.name) && c.state === 'running'
      ? { ...c, state: 'exited' as const, reason: 'Completed', finishedAt: c.startedAt }
      : c,
  );
  return { ...seen, containers };
}
