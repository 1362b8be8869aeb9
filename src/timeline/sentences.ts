import { pullProgressText, seconds } from './pullProgressText.ts';
import type { Reason, ReasonCode } from './reasons.ts';

type Of<C extends ReasonCode> = Extract<Reason, { code: C }>;
type Sentences = { readonly [C in ReasonCode]: (reason: Of<C>, mono: number) => string };

const forSince = (since: number | undefined, mono: number): string =>
  since === undefined ? '' : ` for ${seconds(mono - since)}`;
const again = (retryAt: number | undefined, mono: number): string =>
  retryAt === undefined ? '' : `; next try in ${seconds(retryAt - mono)}`;

const hinted = (hint: string | undefined): string => (hint === undefined ? '' : `; hint: ${hint}`);

function pulling(r: Of<'PullingImage'>, mono: number): string {
  const head = `container ${r.container} waits for image "${r.image}"`;
  if (r.provider !== undefined) return `${head}: asking credential provider ${r.provider}${forSince(r.since, mono)}`;
  if (r.position !== undefined) return `${head}: number ${r.position} in the pull queue${forSince(r.since, mono)}`;
  return `${head}: pulling${forSince(r.since, mono)}${pullProgressText(r)}`;
}

/** One sentence per reason code; a code without a sentence does not compile. */
const sentences: Sentences = {
  SourcesNotReady: () => 'not every Pod source has reported yet, so nothing unknown is ended before they have',
  NameTaken: (r) => `another static Pod of the same full name (UID ${r.by}) must end first`,
  ObservingRuntime: (r) =>
    r.problem ? `the runtime cannot be read: ${r.problem}` : 'the runtime has not been read for this Pod yet',
  OutcomeUnknown: (r) =>
    `the outcome of ${r.action} (${r.slot}) is unknown (${r.message}); the runtime is read again before it is repeated`,
  Admission: () => 'the node is reserving resources for the Pod',
  AllocatingDevices: (r) => `waiting for device plug-ins to allocate ${r.devices.join('; ')}`,
  AwaitingDevicePlugin: (r) =>
    `waiting at most 45 s after a restart for the device plug-ins of ${r.resources.join(', ')}, of which the Pod had devices before`,
  Preempting: (r) => `waiting for Pods to end whose place it needs: ${r.victims.join(', ')}`,
  Rejected: (r) => `the node rejected the Pod: ${r.reason}: ${r.message}${r.lost === undefined ? '' : ` (${r.lost})`}`,
  ResizePending: (r) =>
    r.state === 'Deferred'
      ? `the Pod has the resources of before, the new ones are deferred until there is room: ${r.message}`
      : `the Pod has the resources of before, the new ones cannot be had here: ${r.message}`,
  Allocating: (r, mono) =>
    r.error
      ? `the Pod's new resources could not be allocated: ${r.error}${again(r.retryAt, mono)}`
      : "the Pod's new resources are being allocated",
  ResizingPod: (r, mono) =>
    r.error
      ? `the Pod's new resources could not be carried out: ${r.error}${again(r.retryAt, mono)}`
      : `the Pod's new resources are being carried out${forSince(r.since, mono)}`,
  RuntimeNotReady: (r) => `the container runtime is not ready: ${r.message}`,
  NetworkNotReady: (r) => `the node's network is not ready: ${r.message}`,
  DynamicResources: (r, mono) =>
    `the Pod's ResourceClaims cannot be prepared: ${r.message}${r.retryAt === undefined ? '' : again(r.retryAt, mono)}`,
  PreparingClaims: (r, mono) =>
    `the Pod's ResourceClaims are being prepared${r.message ? `: waiting for ${r.message}` : ''}${r.since === undefined ? '' : forSince(r.since, mono)}`,
  PreparingPod: (r, mono) =>
    r.error
      ? `the Pod's cgroup or directories could not be made: ${r.error}${again(r.retryAt, mono)}`
      : "the Pod's cgroup and directories are being made",
  GateQueue: (r) => `${r.slot} is number ${r.position} in the queue for the runtime`,
  CreatingSandbox: (r, mono) => `the runtime is creating the Pod sandbox (network included)${forSince(r.since, mono)}`,
  SandboxFailed: (r, mono) => `the Pod sandbox could not be created: ${r.message}${again(r.retryAt, mono)}`,
  SandboxChanged: (r) => `the Pod sandbox ${r.sandbox.slice(0, 13)} is no longer usable (${r.cause}) and is replaced`,
  StoppingSandbox: (r, mono) =>
    `the Pod sandbox ${r.sandbox.slice(0, 13)} is being stopped${forSince(r.since, mono)}${r.error ? `: ${r.error}` : ''}`,
  MountingVolume: (r, mono) =>
    `volume ${r.volume} is being set up${forSince(r.since, mono)}${r.message ? `: ${r.message}` : ''}`,
  VolumeFailed: (r, mono) => `volume ${r.volume} could not be set up: ${r.message}${again(r.retryAt, mono)}`,
  AwaitingObject: (r) => `${r.object} is not known yet: ${r.message}`,
  CheckingImage: (r) => `container ${r.container}: looking whether image "${r.image}" is on the node`,
  PullingImage: pulling,
  ImagePullBackOff: (r, mono) =>
    `container ${r.container}: image "${r.image}" could not be pulled: ${r.message}${again(r.retryAt, mono)}${hinted(r.hint)}`,
  ImageUnusable: (r) => `container ${r.container}: image "${r.image}": ${r.reason}: ${r.message}${hinted(r.hint)}`,
  ContainerConfig: (r, mono) =>
    `container ${r.container} cannot be made from its spec: ${r.reason}: ${r.message}${again(r.retryAt, mono)}`,
  CreatingContainer: (r, mono) => `the runtime is creating container ${r.container}${forSince(r.since, mono)}`,
  StartingContainer: (r, mono) => `the runtime is starting container ${r.container}${forSince(r.since, mono)}`,
  ContainerFailed: (r, mono) =>
    `container ${r.container} could not be started: ${r.reason}: ${r.message}${again(r.retryAt, mono)}`,
  InternalError: (r) => `a defect of the agent holds this Pod where it is: ${r.message}`,
  PostStartHook: (r, mono) => `container ${r.container} runs its postStart hook${forSince(r.since, mono)}`,
  AfterContainer: (r) => `container ${r.container} starts after ${r.waitsFor}`,
  InitContainer: (r) => `init container ${r.container} is ${r.state}`,
  CrashLoopBackOff: (r, mono) =>
    `container ${r.container} ended with code ${r.exitCode} (${r.restarts} restarts so far) and waits out its ${seconds(r.delayMs)} back-off${again(r.retryAt, mono)}`,
  StartupProbe: (r) => `container ${r.container} has not passed its startup probe${r.message ? `: ${r.message}` : ''}`,
  ReadinessProbe: (r) =>
    `container ${r.container} is not ready by its readiness probe${r.message ? `: ${r.message}` : ''}`,
  ContainerEnded: (r) =>
    `container ${r.container} ended (${r.reason}, code ${r.exitCode}) and is not restarted by its policy`,
  RestartingContainer: (r) => `${r.message} (container ${r.container})`,
  ReadinessGate: (r) => `readiness gate ${r.condition} is not True`,
  PreStopHook: (r, mono) =>
    `container ${r.container} runs its preStop hook${forSince(r.since, mono)}, at most ${seconds(r.deadline - mono)} more`,
  StopTurn: (r) => `sidecar ${r.container} is stopped after ${r.waitsFor.join(', ')}`,
  StoppingContainer: (r, mono) =>
    `container ${r.container} was asked to stop${forSince(r.since, mono)} (grace ${r.graceSeconds} s)${r.error ? `: ${r.error}` : ''}`,
  SettlingAction: (r, mono) => `${r.action} (${r.slot}) is under way${forSince(r.since, mono)} and must settle first`,
  UnpreparingClaims: (r, mono) =>
    r.error
      ? `the Pod's ResourceClaims could not be given back: ${r.error}${again(r.retryAt, mono)}`
      : `the Pod's ResourceClaims are being given back${r.message ? `: waiting for ${r.message}` : ''}`,
  Unmounting: (r, mono) =>
    r.error ? `volumes could not be taken down: ${r.error}${again(r.retryAt, mono)}` : 'volumes are being taken down',
  RemovingCgroup: (r, mono) =>
    r.error
      ? `the Pod cgroup could not be removed: ${r.error}${again(r.retryAt, mono)}`
      : 'the Pod cgroup is being removed',
  RemovingFiles: (r, mono) =>
    r.error
      ? `the Pod directory could not be removed: ${r.error}${again(r.retryAt, mono)}`
      : "the Pod's files are being removed",
  ReleasingResources: () => 'the node is releasing what it reserved for the Pod',
  StatusWrite: (r) => `${r.what} has not reached the API server yet${r.problem ? `: ${r.problem}` : ''}`,
  ApiDelete: (r) => `the Pod object is being deleted from the API${r.problem ? `: ${r.problem}` : ''}`,
  Finalizers: (r) => `everything here is ended; the API object stays for its finalizers: ${r.finalizers.join(', ')}`,
  MirrorPod: (r) => `the mirror Pod is not current${r.problem ? `: ${r.problem}` : ''}`,
  Completed: (r) => {
    if (r.reason) return `the Pod is over (${r.phase}): ${r.reason}: ${r.message ?? ''}`;
    if (r.phase === 'Succeeded' || r.phase === 'Failed') return `the Pod ran to its end (${r.phase})`;
    return `nothing of the Pod runs any more; its last status said ${r.phase}`;
  },
};

/** What `why` prints for one reason. `mono`: now, monotonic ms, for durations. */
export function sentence(reason: Reason, mono: number): string {
  return (sentences[reason.code] as (r: Reason, mono: number) => string)(reason, mono);
}

/** All codes, for the generated tables of docs/ (hack/docs/reasons.ts). */
export const reasonCodes = Object.keys(sentences) as ReasonCode[];
