import type { ApiClient } from '../../src/api/client.ts';
import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../../src/cri/observed.ts';
import { admissionFact } from '../../src/ledger/admission.ts';
import { testNode } from '../../src/ledger/fake/pods.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { sysctlAllowlist } from '../../src/ledger/rules/sysctls.ts';
import { disposable } from '../../src/lib/disposables.ts';
import { KubeletError } from '../../src/lib/errors.ts';
import { ManualClock } from '../../src/lib/fake/manualClock.ts';
import { FakeMounter } from '../../src/lib/fake/mounter.ts';
import type { Random } from '../../src/lib/fake/random.ts';
import { Mirrors } from '../../src/pods/mirrors.ts';
import { PodTable } from '../../src/pods/table.ts';
import { ODD_TEXTS } from '../../src/podworker/fake/sim/hostilePod.ts';
import type { Outcome } from '../../src/podworker/outcome.ts';
import { recordingPorts } from '../../src/podworker/recording.ts';
import { References } from '../../src/podworker/references.ts';
import type { Action } from '../../src/podworker/rules/actions.ts';
import { node } from '../../src/podworker/rules/testing.ts';
import { containerHash } from '../../src/podworker/spec/containerHash.ts';
import { PodWorkers } from '../../src/podworker/workers.ts';
import { oc, sandbox } from '../../src/status/rules/testing.ts';
import { StatusWriter } from '../../src/status/writer.ts';
import { Recorder } from '../../src/timeline/recorder.ts';
import type { Pod, StoredPod } from '../../src/types/k8s.ts';
import { createVolumeManager } from '../../src/volumes/manager.ts';

interface World {
  sandboxes: ObservedSandbox[];
  containers: ObservedContainer[];
}

/**
 * Pods' workers with all that follows them (references, ledger, statuses, timeline), over a runtime in memory whose calls fail, lie and throw
 * as `random` says, until `calm` is set: then what a Pod holds can be given back.
 */
export class PodLives {
  readonly clock = new ManualClock();
  readonly table = new PodTable();
  readonly recorder = new Recorder();
  readonly problems: string[] = [];
  readonly watched = new Set<object>();
  readonly workers: PodWorkers;
  random: Random;
  calm = false;
  /** Decisions go into the timeline, which costs as much as all the rest. */
  isRecorded = true;
  /** Containers that were started. */
  started = 0;
  readonly #ledger = new Ledger({
    node: testNode(
      { sysctls: sysctlAllowlist('6.1.0', ['net.ipv4.ip_forward']) },
      { pods: '1000000', cpu: '1000000', memory: '1000Ti' },
    ),
  });
  readonly #worlds = new Map<string, World>();
  readonly #volumes = createVolumeManager({ root: '/nowhere', mounter: new FakeMounter() });
  readonly #status: StatusWriter;
  #seq = 0;

  constructor(random: Random) {
    this.random = random;
    const { clock, table, recorder } = this;
    const client = {
      patch: (_kind: string, ref: { name: string }) => this.#patched(ref),
    } as Partial<ApiClient> as ApiClient;
    this.#status = new StatusWriter({ client, clock, recorder, mirrors: new Mirrors(), table });
    const references = new Map<string, References>();
    const defect = ({ uid }: { uid: string }, error: unknown) =>
      void this.problems.push(`${uid}: ${(error as Error).stack?.split('\n').slice(0, 4).join(' ')}`);
    const recording = recordingPorts(recorder, clock);
    this.workers = new PodWorkers({
      ...{ clock, table, defect },
      random: () => 0.5,
      recorded: () => ({}),
      invalidate: () => {},
      lastSeq: () => this.#seq,
      nodeFacts: () => node,
      gatePositions: () => ({}),
      recursiveReadOnly: () => false,
      observe: async (uid) => this.#observe(uid),
      effect: (action, { facts, pod }) => this.#effect(action, facts.uid, pod as StoredPod),
      publish: (pod, status) => this.#status.publish(pod, status),
      event: (_pod, _facts, { message, reason }) => {
        if (typeof message !== 'string' || reason === '') this.problems.push(`an event without words: ${reason}`);
      },
      ...recording,
      decided: (...decision) => {
        if (this.isRecorded) recording.decided(...decision);
      },
      opened: (worker) => {
        recorder.open({ uid: worker.uid, namespace: worker.namespace, name: worker.name });
        const own = new References(
          this.#objects(),
          (update) => worker.learn(update),
          (p) => this.#needs(p),
          (error) => defect(worker, error),
        );
        references.set(worker.uid, own);
        return disposable(() => {
          own[Symbol.dispose]();
          references.delete(worker.uid);
          recorder.close(worker.uid);
        });
      },
      changed: (worker, pod) => references.get(worker.uid)?.follow(pod),
    });
    table.onDecided(({ uid, reasons }) => {
      for (const reason of reasons)
        if (reason.code === 'InternalError') this.problems.push(`${uid}: ${reason.message}`);
    });
    this.workers.sourcesSynced();
  }

  /** Forgets what the runtime holds of a Pod that is over. */
  forget(uid: string): void {
    this.#worlds.delete(uid);
    this.#ledger.release(uid);
  }

  #needs(pod: StoredPod) {
    const objects = { get: () => ({ state: 'absent' }) };
    return this.#volumes
      .needs(pod, objects as never)
      .flatMap((need) => (need.kind === 'ServiceAccountToken' ? [] : [need])) as never;
  }

  #objects() {
    return {
      state: () =>
        this.random.chance(0.5) ? ({ state: 'absent' } as const) : ({ state: 'present', version: '1' } as const),
      subscribe: () => {
        const key = {};
        this.watched.add(key);
        return { [Symbol.dispose]: () => void this.watched.delete(key) };
      },
    };
  }

  async #patched({ name }: { name: string }): Promise<Pod> {
    if (!this.calm && this.random.chance(0.2)) throw this.#failure();
    return { metadata: { name, uid: name }, status: this.table.get(name)?.status ?? { phase: 'Pending' } };
  }

  #world(uid: string): World {
    const world = this.#worlds.get(uid) ?? { sandboxes: [], containers: [] };
    this.#worlds.set(uid, world);
    return world;
  }

  #observe(uid: string): ObservedPod {
    this.#seq += 1;
    if (!this.calm && this.random.chance(0.1)) throw this.#failure();
    const { sandboxes, containers } = this.#world(uid);
    for (const c of containers)
      if (!this.calm && c.state === 'running' && this.random.chance(0.1))
        Object.assign(c, {
          state: 'exited',
          exitCode: this.random.pick(0, 1, 42, 137, -1),
          finishedAt: this.clock.now().wall,
        });
    const copy = structuredClone({ sandboxes, containers });
    const newest = (a: { attempt: number }, b: { attempt: number }) => b.attempt - a.attempt;
    return {
      uid,
      name: 'p',
      namespace: 'ns',
      seq: this.#seq,
      sandboxes: copy.sandboxes.sort(newest),
      containers: copy.containers.sort(newest),
    };
  }

  #failure(): Error {
    const text = this.random.pick(...ODD_TEXTS);
    if (this.random.chance(0.3)) return new Error(text);
    return new KubeletError(text, {
      code: this.random.pick('CreateContainerError', 'ErrImagePull', 'RunContainerError'),
    });
  }

  #effect(action: Action, uid: string, pod: StoredPod): Promise<Outcome> {
    if (!this.calm && this.random.chance(0.03)) throw this.#failure();
    if (!this.calm && this.random.chance(0.15)) return Promise.reject(this.#failure());
    return this.#carryOut(action, uid, pod);
  }

  async #carryOut(action: Action, uid: string, pod: StoredPod): Promise<Outcome> {
    const world = this.#world(uid);
    const { wall } = this.clock.now();
    switch (action.kind) {
      case 'reserve':
        return {
          admission: admissionFact(await this.#ledger.reserve(pod, { hasRunningContainers: false, createdAt: 0 })),
        };
      case 'release':
        this.#ledger.release(uid);
        return {};
      case 'createSandbox': {
        const made = sandbox({ id: `${uid}-s${action.attempt}`, attempt: action.attempt, createdAt: wall });
        world.sandboxes = [...world.sandboxes.filter((s) => s.id !== made.id), made];
        return { seen: { sandbox: { ...made } } };
      }
      case 'stopSandbox': {
        for (const s of world.sandboxes) if (s.id === action.sandboxId) s.ready = false;
        const stopped = world.sandboxes.find((s) => s.id === action.sandboxId);
        return stopped ? { seen: { sandbox: { ...stopped } } } : {};
      }
      case 'removeSandbox':
        world.sandboxes = world.sandboxes.filter((s) => s.id !== action.sandboxId);
        return { seen: { removedSandbox: action.sandboxId } };
      case 'createContainer': {
        const id = `${uid}/${action.container}/${action.attempt}/${action.sandboxId}`;
        const { initContainers = [], containers } = pod.spec;
        const spec = [...initContainers, ...containers].find((c) => c.name === action.container);
        const made = oc(action.container, 'created', {
          ...{
            id,
            sandboxId: action.sandboxId,
            attempt: action.attempt,
            restartCount: action.attempt,
            createdAt: wall,
          },
          hash: spec ? containerHash(spec) : '',
        });
        world.containers = [...world.containers.filter((c) => c.id !== id), made];
        return { seen: { container: { ...made } } };
      }
      case 'startContainer':
      case 'stopContainer': {
        const c = world.containers.find((one) => one.id === action.containerId);
        if (!c) return {};
        if (action.kind === 'startContainer') this.started += 1;
        if (action.kind === 'startContainer') Object.assign(c, { state: 'running', startedAt: wall });
        else Object.assign(c, { state: 'exited', exitCode: 137, finishedAt: wall });
        return { seen: { container: { ...c } } };
      }
      case 'removeContainer':
        world.containers = world.containers.filter((c) => c.id !== action.containerId);
        return { seen: { removedContainer: action.containerId } };
      case 'mountVolume':
        return { volume: { name: action.volume, state: { hostPath: '/v', digest: '', objects: action.objects } } };
      case 'unmountVolumes':
        return { volumesGone: true };
      default:
        return {};
    }
  }

  [Symbol.dispose](): void {
    this.workers.stop();
    this.#status[Symbol.dispose]();
  }
}
