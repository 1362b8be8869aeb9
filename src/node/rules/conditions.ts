import type { NodeEvent } from '../../events/event.ts';
import type { NodeCondition } from '../../types/k8s.ts';
import type { NodeStatusFacts, Update } from '../types.ts';

/** Words of a pressure condition: [reason, message, Event reason]. */
interface PressureWords {
  readonly fact: keyof NodeStatusFacts['pressure'];
  readonly yes: readonly [string, string, string];
  readonly no: readonly [string, string, string];
}

const PRESSURES: Readonly<Record<string, PressureWords>> = {
  MemoryPressure: {
    fact: 'memory',
    yes: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available', 'NodeHasInsufficientMemory'],
    no: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available', 'NodeHasSufficientMemory'],
  },
  DiskPressure: {
    fact: 'disk',
    yes: ['KubeletHasDiskPressure', 'kubelet has disk pressure', 'NodeHasDiskPressure'],
    no: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure', 'NodeHasNoDiskPressure'],
  },
  PIDPressure: {
    fact: 'pid',
    yes: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available', 'NodeHasInsufficientPID'],
    no: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available', 'NodeHasSufficientPID'],
  },
};

/** The condition types that the node agent owns, in the order in which they are added. Ready is last: old servers need that. */
export const OWN_CONDITIONS = [...Object.keys(PRESSURES), 'Ready'] as const;

export interface ConditionInput {
  readonly nodeName: string;
  readonly facts: Pick<NodeStatusFacts, 'pressure' | 'runtime' | 'notReady' | 'warnings'>;
  readonly capacity: Readonly<Record<string, string>>;
  readonly localStorageIsolation: boolean;
  /** RFC 3339, whole seconds. */
  readonly now: string;
}

/**
 * The node's conditions: each own one brought up to date where it stands, or added; those of others untouched. A status that
 * changes sets lastTransitionTime and asks for an Event; Ready appearing for the first time does not, as in kubelet.
 */
export function nodeConditions(
  existing: readonly NodeCondition[],
  input: ConditionInput,
): Update<readonly NodeCondition[]> {
  const conditions = [...existing];
  const events: NodeEvent[] = [];
  const say = (reason: string) => {
    events.push({ type: 'Normal', reason, message: `Node ${input.nodeName} status is now: ${reason}` });
  };
  for (const type of OWN_CONDITIONS) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const old = at < 0 ? undefined : conditions[at];
    const words = PRESSURES[type];
    const next = words ? pressureCondition(type, words, old, input) : readyCondition(old, input);
    if (words && old?.status !== next.status) say((next.status === 'True' ? words.yes : words.no)[2]);
    if (!words && old && old.status !== next.status) say(next.status === 'True' ? 'NodeReady' : 'NodeNotReady');
    if (at < 0) conditions.push(next);
    else conditions[at] = next;
  }
  return { value: conditions, events };
}

function pressureCondition(
  type: string,
  words: PressureWords,
  old: NodeCondition | undefined,
  { facts, now }: ConditionInput,
): NodeCondition {
  const status = facts.pressure[words.fact] ? 'True' : 'False';
  if (old?.status === status) return { ...old, lastHeartbeatTime: now };
  const [reason, message] = status === 'True' ? words.yes : words.no;
  return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime: now };
}

function readyCondition(old: NodeCondition | undefined, input: ConditionInput): NodeCondition {
  const problems = notReadyReasons(input);
  const ready = problems.length === 0;
  const status = ready ? 'True' : 'False';
  const message = ready ? 'kubelet is posting ready status' : aggregate(problems);
  const { warnings } = input.facts;
  return {
    type: 'Ready',
    status,
    reason: ready ? 'KubeletReady' : 'KubeletNotReady',
    message: warnings.length > 0 ? `${message}. WARNING: ${aggregate(warnings)}` : message,
    lastHeartbeatTime: input.now,
    lastTransitionTime: (old?.status === status && old.lastTransitionTime) || input.now,
  };
}

/** Every sentence that keeps the node from being Ready; also the answer to "why is this node not ready?". */
function notReadyReasons({ facts, capacity, localStorageIsolation }: Omit<ConditionInput, 'now' | 'nodeName'>) {
  const { runtime, notReady } = facts;
  const required = ['cpu', 'memory', 'pods', ...(localStorageIsolation ? ['ephemeral-storage'] : [])];
  const missing = required.filter((resource) => capacity[resource] === undefined);
  return [
    ...runtime.errors,
    ...runtime.networkErrors,
    ...notReady,
    ...(missing.length > 0 ? [`missing node capacity for resources: ${missing.join(', ')}`] : []),
  ];
}

/** Several sentences as Kubernetes prints an aggregate of errors. */
function aggregate(sentences: readonly string[]): string {
  const distinct = [...new Set(sentences)];
  return distinct.length === 1 ? distinct[0]! : `[${distinct.join(', ')}]`;
}
