import type { AdmissionFact } from '../../../pods/facts.ts';
import type { Pod, PodStatus } from '../../../types/k8s.ts';
import type { Outcome } from '../../outcome.ts';
import type { Action, Checkpoint } from '../../rules/actions.ts';
import type { PodFacts } from '../../rules/facts.ts';
import { SimError, type SimRuntime } from './runtime.ts';

/** What outlives the kubelet besides the runtime: the API object, the disk. */
export interface Durable {
  pod: Pod;
  inApi: boolean;
  accepted?: PodStatus;
  checkpoint?: Checkpoint;
  readonly mounted: Set<string>;
  /** Highest restart number by container name, as the log files tell. */
  readonly logs: Record<string, number>;
  verdict: AdmissionFact;
}

function containerOf(pod: Pod, name: string) {
  const { initContainers = [], containers = [] } = pod.spec ?? {};
  const found = [...initContainers, ...containers].find((c) => c.name === name);
  if (!found) throw new SimError(`no container ${name}`);
  return found;
}

/** Carries one action out on the model, at once. Throws SimError for a refusal. */
export function carryOut(action: Action, facts: PodFacts, runtime: SimRuntime, durable: Durable): Outcome {
  const pod = facts.pod ?? durable.pod;
  const known = (id: string) => runtime.containers.find((c) => c.seen.id === id)?.seen;
  const quiet = (what: string) => {
    if (runtime.running().some((c) => !runtime.unknown.has(c.seen.id)))
      runtime.violations.push(`${what} while containers run`);
  };
  switch (action.kind) {
    case 'reserve':
      return { admission: durable.verdict };
    case 'preparePod':
      return { logRestarts: { ...durable.logs } };
    case 'createSandbox':
      return { seen: { sandbox: runtime.createSandbox(action.attempt, pod.spec?.hostNetwork === true) } };
    case 'stopSandbox': {
      const sandbox = runtime.stopSandbox(action.sandboxId);
      return sandbox ? { seen: { sandbox } } : {};
    }
    case 'removeSandbox':
      runtime.removeSandbox(action.sandboxId);
      return { seen: { removedSandbox: action.sandboxId } };
    case 'mountVolume': {
      durable.mounted.add(action.volume);
      const state = { hostPath: `/v/${action.volume}`, digest: '', objects: action.objects };
      return { volume: { name: action.volume, state } };
    }
    case 'unmountVolumes':
      quiet('volumes unmounted');
      durable.mounted.clear();
      return { volumesGone: true };
    case 'createContainer': {
      const container = runtime.createContainer(containerOf(pod, action.container), action.sandboxId, action.attempt);
      durable.logs[action.container] = Math.max(durable.logs[action.container] ?? 0, action.attempt);
      return { seen: { container } };
    }
    case 'startContainer':
      return { seen: { container: runtime.startContainer(action.containerId, pod) } };
    case 'updateCpus':
      return { cpuSet: { id: action.containerId, cpus: action.cpus } };
    case 'postStart':
      if (known(action.containerId)?.state !== 'running') throw new SimError('it does not run');
      return {};
    case 'preStop':
      runtime.preStop(action.containerId);
      return {};
    case 'stopContainer': {
      if (!known(action.containerId)) return { seen: { removedContainer: action.containerId } };
      runtime.terminate(action.containerId, action.seconds);
      return {};
    }
    case 'removeContainer':
      runtime.removeContainer(action.containerId);
      return { seen: { removedContainer: action.containerId } };
    case 'removeCgroup':
      quiet('cgroup removed');
      return {};
    case 'removePodFiles':
      if ([...runtime.containers.map((c) => c.seen), ...runtime.sandboxes].some((x) => !runtime.unknown.has(x.id)))
        runtime.violations.push('files removed while the runtime holds something');
      durable.mounted.clear();
      delete durable.checkpoint;
      return {};
    case 'deleteApiPod':
      quiet('API object deleted');
      durable.inApi = false;
      return {};
    case 'saveCheckpoint':
      durable.checkpoint = JSON.parse(JSON.stringify(action.checkpoint));
      return {};
    case 'allocate':
      return { resize: { wanted: action.wanted, generation: action.generation, answer: { state: 'granted' } } };
    case 'resizePod':
    case 'ensureImage':
    case 'syncMirror':
    case 'release':
    case 'prepareClaims':
    case 'unprepareClaims':
      return {};
    case 'allocateDevices':
      return { admission: { state: 'admitted' } };
  }
}
