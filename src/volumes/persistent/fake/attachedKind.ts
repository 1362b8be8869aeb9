import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PodEvent } from '../../../events/event.ts';
import { ManualClock } from '../../../lib/fake/manualClock.ts';
import { FakeMounter } from '../../../lib/fake/mounter.ts';
import type { ProgramRequest, ProgramResult } from '../../../lib/linux/runProgram.ts';
import { silentLogger } from '../../../lib/logger.ts';
import type { StoredPod } from '../../../types/k8s.ts';
import type { FoundVolume, KindHost, PersistentKind, Published, VolumeSpec } from '../contract.ts';
import { PersistentVolumes } from '../persistentVolumes.ts';
import type { StepOrder } from '../steps.ts';

const { signal: never } = new AbortController();

/** A kind of volume that a controller attaches and that is staged: it records its calls and fails as it is told. */
export class AttachedKind implements PersistentKind {
  readonly plugin = 'example.com/attached';
  readonly supportsMountOptions = false;
  readonly supportsBlock = false;
  readonly calls: string[] = [];
  /** What an earlier process left. */
  found: FoundVolume[] = [];
  /** By call, as `stage` or `publish uid`: what the next ones throw. */
  readonly failures = new Map<string, Error[]>();
  /** Called in each step; what it returns is waited for. */
  hold: (call: string, signal: AbortSignal) => Promise<void> = async () => {};
  /** What is published carries it. */
  refreshAt: number | undefined;
  attachable = true;

  identify({ name }: VolumeSpec) {
    return { uniqueName: `${this.plugin}/${name}`, attachable: this.attachable };
  }

  stage = (step: { readonly signal: AbortSignal }) => this.#call('stage', step.signal);
  unstage = (step: { readonly signal: AbortSignal }) => this.#call('unstage', step.signal);
  expand = (step: { readonly pod: StoredPod; readonly signal: AbortSignal }) =>
    this.#call(`expand ${step.pod.metadata.uid}`, step.signal);

  async publish(step: { readonly pod: StoredPod; readonly signal: AbortSignal }): Promise<Published> {
    await this.#call(`publish ${step.pod.metadata.uid}`, step.signal);
    const { refreshAt } = this;
    return { path: `/mnt/${step.pod.metadata.uid}`, ...(refreshAt === undefined ? {} : { refreshAt }) };
  }

  unpublish = (step: { readonly podUid: string; readonly signal: AbortSignal }) =>
    this.#call(`unpublish ${step.podUid}`, step.signal);

  async reconstruct(): Promise<FoundVolume[]> {
    return this.found;
  }

  async #call(call: string, signal: AbortSignal): Promise<void> {
    this.calls.push(call);
    await this.hold(call, signal);
    signal.throwIfAborted();
    const failure = this.failures.get(call)?.shift();
    if (failure) throw failure;
  }
}

/** A node's persistent volumes on a temporary directory, a fake mount table, programs that a test answers for, and a clock it moves. */
export class FakeVolumes implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'persistent-'));
  readonly clock = new ManualClock();
  readonly mounter = new FakeMounter();
  readonly programs: string[] = [];
  readonly events: PodEvent[] = [];
  readonly waits: (string | undefined)[] = [];
  readonly kind = new AttachedKind();
  /** What a program answers. */
  answer: (request: ProgramRequest) => Promise<Partial<ProgramResult>> | Partial<ProgramResult> = () => ({});
  readonly host: KindHost = {
    root: this.root,
    mounter: this.mounter,
    log: silentLogger,
    digest: () => '',
    run: async (request) => {
      this.programs.push([request.program, ...request.args].join(' '));
      return { code: 0, output: '', killed: false, ...(await this.answer(request)) };
    },
  };
  volumes: PersistentVolumes;

  constructor(kinds?: readonly PersistentKind[]) {
    mkdirSync(join(this.root, 'pods'));
    this.volumes = this.open(kinds);
  }

  /** A new life of the process on what is there. */
  open(kinds: readonly PersistentKind[] = [this.kind]): PersistentVolumes {
    const { clock, host } = this;
    this.volumes = new PersistentVolumes({
      ...{ clock, host, log: silentLogger },
      kinds: { all: kinds, of: () => kinds[0]! },
    });
    return this.volumes;
  }

  /** What the Pod gets of the volume. */
  have(
    pod: StoredPod,
    spec: VolumeSpec,
    kind: PersistentKind = this.kind,
    more: Partial<Pick<StepOrder, 'size' | 'signal' | 'seLinuxLabel' | 'label'>> = {},
  ) {
    const context = { objects: undefined as never, token: undefined as never, nodeAllocatable: {} };
    const order = {
      ...{ pod, spec, context, signal: never },
      ...more,
      event: (event: PodEvent) => void this.events.push(event),
      progress: (message: string | undefined) => void this.waits.push(message),
    };
    const { name, mode } = spec;
    return this.volumes.have({ ...kind.identify(spec, pod, context.objects), name, mode }, kind, order);
  }

  leave(pod: StoredPod): Promise<void> {
    return this.volumes.leave(pod.metadata.uid, never);
  }

  [Symbol.dispose](): void {
    this.volumes[Symbol.dispose]();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** A Pod of this UID. */
export function podOf(uid: string, spec: Partial<StoredPod['spec']> = {}): StoredPod {
  return {
    metadata: { name: `pod-${uid}`, namespace: 'shop', uid },
    spec: { containers: [], ...spec },
  } as unknown as StoredPod;
}

/** A volume as a PersistentVolume has it. */
export function volumeOf(name: string, spec: object = {}, more: Partial<VolumeSpec> = {}): VolumeSpec {
  return { name, pv: { metadata: { name }, spec }, readOnly: false, mode: 'Filesystem', ...more };
}
