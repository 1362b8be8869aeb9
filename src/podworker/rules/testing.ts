// Short words for the tables of the tests of the rules.

import type { ObservedContainer, ObservedPod } from '../../cri/observed.ts';
import type { EffectError } from '../../loop/slot.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import { observed, oc, podOf, sandbox, spec, T0 } from '../../status/rules/testing.ts';
import type { Container, Pod, PodSpec } from '../../types/k8s.ts';
import { containerHash } from '../spec/containerHash.ts';
import type { Action } from './actions.ts';
import { type Decision, decide } from './decide.ts';
import type { NodeFacts, Now, PodFacts, PodSlot } from './facts.ts';
import { freshMemory, type PodMemory } from './memory.ts';

export { oc, podOf, sandbox, spec, T0 };

/** An hour after the containers of `oc` were made. */
export const now: Now = { wall: T0 + 3_600_000, mono: 3_600_000 };
export const later = (seconds: number): Now => ({
  wall: now.wall + seconds * 1000,
  mono: now.mono + seconds * 1000,
});

export const node: NodeFacts = {
  api: true,
  runtimeName: 'containerd',
  networkReady: true,
  networkMessage: '',
  hostIPs: ['192.168.0.1'],
  primaryFamily: 4,
  crashLoopMaxMs: 300_000,
};

/** A slot whose last action ended well, or with that error. */
export function ended(action: Action, error?: Partial<EffectError>, more: Partial<PodSlot> = {}): PodSlot {
  const failed = error ? { error: { reason: 'Internal', message: 'broken', settled: true, ...error } } : {};
  const times = { startedAt: now.mono - 10, endedAt: now.mono - 10, opensAt: 0 };
  return { failures: error ? 1 : 0, last: { action, ...times, ...failed }, ...more };
}

/** A slot in which an action runs. */
export function under(action: Action, since = now.mono - 10): PodSlot {
  return { failures: 0, running: { action, since, aborting: false } };
}

export const prepared: Readonly<Record<string, PodSlot>> = {
  prepare: ended({ kind: 'preparePod', slot: 'prepare' }),
};

/** The image of each named container is there for that attempt. */
export function images(attempt: number, ...names: string[]): Record<string, PodSlot> {
  return Object.fromEntries(
    names.map((name) => {
      const slot = `image/${name}`;
      const work = { container: name, image: 'img', policy: 'IfNotPresent', attempt };
      return [slot, ended({ kind: 'ensureImage', slot, ...work })];
    }),
  );
}

/** A container as the runtime shows it, of the definition that `spec` makes. */
export function box(
  name: string,
  state: ObservedContainer['state'],
  more: Partial<ObservedContainer> = {},
): ObservedContainer {
  return oc(name, state, { hash: containerHash({ name, image: 'img' }), ...more });
}

export function runtime(containers: ObservedContainer[], sandboxes = [sandbox()]): ObservedPod {
  return observed(containers, sandboxes);
}

/** Facts of an admitted Pod whose sources are all known. */
export function factsOf(pod: Pod | null, more: Partial<PodFacts> = {}): PodFacts {
  return {
    uid: 'u',
    namespace: 'ns',
    name: 'p',
    origin: pod ? 'api' : 'runtime',
    pod: pod && allocatedAsAsked(pod),
    gone: false,
    sourcesReady: true,
    returning: false,
    runtime: runtime([], []),
    slots: prepared,
    admission: { state: 'admitted' },
    terminate: [],
    pulls: {},
    volumes: {},
    objects: {},
    envObjects: {},
    volumeObjects: {},
    probes: {},
    logRestarts: {},
    gatePositions: {},
    recursiveReadOnly: true,
    node,
    seed: 0.5,
    ...more,
  };
}

export const active: PodMemory = { ...freshMemory(), phase: 'Active' };

/** What is started, in short: the kind of the action and the end of its slot (`startContainer a`). */
export function starts(decision: Decision): string[] {
  return decision.start.map((a) => `${a.kind} ${a.slot.slice(a.slot.indexOf('/') + 1)}`);
}

/** The codes of the reasons, with the container they speak of. */
export function whys(decision: Decision): string[] {
  return decision.reasons.map((r) => ('container' in r ? `${r.code} ${r.container}` : r.code));
}

/** One turn of a Pod that is Active. */
export function turn(
  podSpec: PodSpec,
  containers: ObservedContainer[],
  facts: Partial<PodFacts> = {},
  memory: Partial<PodMemory> = {},
  at: Now = now,
): Decision {
  const slots = { ...prepared, ...facts.slots };
  return decide(
    factsOf(podOf(podSpec), { runtime: runtime(containers), ...facts, slots }),
    { ...active, ...memory },
    at,
  );
}

/** A spec whose containers are changed by name. */
export function withParts(podSpec: PodSpec, parts: Record<string, Partial<Container>>): PodSpec {
  const change = (c: Container): Container => ({ ...c, ...parts[c.name] });
  return {
    ...podSpec,
    containers: podSpec.containers.map(change),
    ...(podSpec.initContainers ? { initContainers: podSpec.initContainers.map(change) } : {}),
  };
}
