// Short words for the tables of the tests in this folder.

import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../../cri/observed.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { AllocatedPod, Container, ContainerStatus, Pod, PodSpec } from '../../types/k8s.ts';
import type { StatusInput } from './input.ts';

export const T0 = Date.UTC(2026, 0, 1);
export const t0 = '2026-01-01T00:00:00Z';

const blank = { image: '', imageID: '', ready: false, restartCount: 0 };

/** A status from a short form: `run`, `started`, `wait`, `exit 0`, `wait exit 1` (waiting after an exit), `none`. */
export function st(name: string, form: string, more: Partial<ContainerStatus> = {}): ContainerStatus {
  return { ...blank, name, ...shape(form), ...more };
}

function shape(form: string): Partial<ContainerStatus> {
  const code = Number(/-?\d+$/.exec(form)?.[0] ?? 0);
  if (form === 'run') return { state: { running: {} } };
  if (form === 'started') return { state: { running: {} }, started: true };
  if (form === 'wait') return { state: { waiting: {} } };
  if (form.startsWith('exit')) return { state: { terminated: { exitCode: code } } };
  if (form.startsWith('wait exit')) return { state: { waiting: {} }, lastState: { terminated: { exitCode: code } } };
  if (form === 'restarting all') {
    const words = { reason: 'RestartingAllContainers', message: 'x' };
    return { state: { waiting: words }, lastState: { terminated: { ...words, exitCode: 137 } } };
  }
  return {};
}

/** A spec from names: `side*` is a sidecar, `a!Never` has a container-level policy. */
export function spec(
  restartPolicy: string,
  containers: string,
  initContainers = '',
  more: Partial<PodSpec> = {},
): PodSpec {
  const init = parse(initContainers);
  return {
    restartPolicy,
    containers: parse(containers),
    ...(init.length > 0 ? { initContainers: init } : {}),
    ...more,
  };
}

function parse(names: string): Container[] {
  return names
    .split(' ')
    .filter(Boolean)
    .map((word) => {
      const [name = '', policy] = word.split('!');
      if (name.endsWith('*')) return { name: name.slice(0, -1), image: 'img', restartPolicy: 'Always' };
      return { name, image: 'img', ...(policy ? { restartPolicy: policy } : {}) };
    });
}

export const restartAllRule = {
  action: 'RestartAllContainers',
  exitCodes: { operator: 'In', values: [42] },
} as const;

/** An observed container; created at second `at` in the sandbox "s0". */
export function oc(
  name: string,
  state: ObservedContainer['state'],
  more: Partial<ObservedContainer> = {},
): ObservedContainer {
  const exited = state === 'exited';
  return {
    id: `${name}-0`,
    sandboxId: 's0',
    name,
    attempt: 0,
    state,
    createdAt: T0,
    startedAt: state === 'created' ? 0 : T0,
    finishedAt: exited ? T0 + 5000 : 0,
    exitCode: 0,
    reason: '',
    message: '',
    terminationMessage: '',
    image: 'img',
    imageRef: 'img@sha256:1',
    imageId: 'sha256:1',
    hash: 'h',
    restartCount: 0,
    annotations: {},
    logPath: '',
    ...more,
  };
}

export function sandbox(more: Partial<ObservedSandbox> = {}): ObservedSandbox {
  return {
    id: 's0',
    attempt: 0,
    ready: true,
    createdAt: T0,
    ips: ['10.0.0.10'],
    hostNetwork: false,
    runtimeHandler: '',
    ...more,
  };
}

export function observed(containers: ObservedContainer[], sandboxes: ObservedSandbox[] = [sandbox()]): ObservedPod {
  return { uid: 'u', name: 'p', namespace: 'ns', seq: 1, sandboxes, containers };
}

export function podOf(podSpec: PodSpec, more: Partial<Pod> = {}, meta: object = {}): AllocatedPod {
  const metadata = { name: 'p', namespace: 'ns', uid: 'u', generation: 1, ...meta };
  return allocatedAsAsked({ metadata, spec: podSpec, ...more });
}

export function inputOf(pod: AllocatedPod, more: Partial<StatusInput> = {}): StatusInput {
  return {
    pod,
    runtime: observed([]),
    runtimeName: 'containerd',
    waiting: {},
    health: {},
    terminating: false,
    finished: false,
    readyToStartContainers: true,
    hostIPs: ['192.168.0.1'],
    nodePrimaryFamily: 4,
    now: T0,
    ...more,
  };
}
