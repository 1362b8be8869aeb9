import { pullHint } from '../../src/images/rules/pullHint.ts';
import type { Reason, ReasonCode } from '../../src/timeline/reasons.ts';

interface ReasonText<C extends ReasonCode> {
  /** What waits because of it. */
  readonly holds: string;
  /** What a person can do. */
  readonly todo: string;
  /** Values that make an example sentence; times in monotonic ms, "now" is 60,000. */
  readonly example: Omit<Extract<Reason, { code: C }>, 'code'>;
}

const nothing = 'nothing; it passes by itself';
const container = 'web';
const image = 'example.org/web:1';
const sandbox = 'fae3c2a91b5d7e';

/** Every reason in a few words; a new code does not compile until it has some. */
export const reasonTexts: { readonly [C in ReasonCode]: ReasonText<C> } = {
  SourcesNotReady: {
    holds: 'the end of a Pod that only the runtime knows',
    todo: 'the API server or the manifest directory has not answered since the start: see the log',
    example: {},
  },
  NameTaken: {
    holds: 'everything of a static Pod',
    todo: 'two manifests make the same Pod name, or the old version is still ending: `kubelet-ts why` for the other one',
    example: { by: '8d1c' },
  },
  ObservingRuntime: {
    holds: 'everything',
    todo: 'with a problem: the runtime does not answer; look at containerd',
    example: { problem: 'deadline exceeded' },
  },
  OutcomeUnknown: {
    holds: "the action's slot",
    todo: 'the runtime did not say how a call ended; the next read of the runtime decides. If it stays: look at containerd',
    example: { slot: 'sandbox', action: 'createSandbox', message: 'deadline exceeded' },
  },
  Admission: { holds: 'everything', todo: nothing, example: {} },
  AllocatingDevices: {
    holds: 'everything',
    todo: 'look at the plug-in of that resource: it has 45 s to answer, then the Pod is rejected',
    example: { devices: ['main: vendor.example/gpu gpu-0'] },
  },
  AwaitingDevicePlugin: {
    holds: 'everything',
    todo: 'start the plug-in of that resource: after 45 s the Pod is rejected',
    example: { resources: ['vendor.example/gpu'] },
  },
  Preempting: {
    holds: 'everything of a critical Pod',
    todo: '`kubelet-ts why` for the victims: their grace period is waited out',
    example: { victims: ['default/batch'] },
  },
  Rejected: {
    holds: 'everything, for good',
    todo: 'the node cannot take the Pod: remove or reschedule it',
    example: { reason: 'OutOfcpu', message: "Node didn't have enough resource: cpu" },
  },
  ResizePending: {
    holds: 'nothing: the Pod goes on with the resources that it has',
    todo: 'deferred: it is tried again whenever something ends; infeasible: ask for other resources, or make the Pod anew',
    example: {
      state: 'Deferred',
      message: "Node didn't have enough resource: cpu, requested: 2000, used: 3500, capacity: 4000",
    },
  },
  Allocating: {
    holds: "the Pod's new resources",
    todo: 'with an error: the disk of the root directory does not take the allocation',
    example: {},
  },
  ResizingPod: {
    holds: 'the end of a resize; new containers of the Pod, until its cgroup is set for them',
    todo: 'with an error: what the runtime or the kernel refused; a memory limit below what is used waits for less to be used',
    example: {
      error: 'cannot decrease memory limits: attempting to set pod memory limit (1) below current usage (2)',
      retryAt: 8000,
    },
  },
  RuntimeNotReady: {
    holds: 'new sandboxes',
    todo: 'look at the container runtime',
    example: { message: 'shutting down' },
  },
  NetworkNotReady: {
    holds: 'new sandboxes, except with hostNetwork',
    todo: 'the network plugin has not written its configuration to /etc/cni/net.d',
    example: { message: 'cni plugin not initialized' },
  },
  DynamicResources: {
    holds: 'new sandboxes of Pods with ResourceClaims',
    todo: 'look at the DRA driver that it names, on this node: is its Pod running, and what does its log say',
    example: {
      message: 'prepare dynamic resources: DRA driver gpu.example.com is not registered',
      retryAt: 62_000,
    },
  },
  PreparingClaims: {
    holds: 'new sandboxes of Pods with ResourceClaims',
    todo: 'if it lasts (a call ends after 45 s): look at the log of the DRA driver',
    example: { message: 'NodePrepareResources of DRA driver gpu.example.com for claim', since: 57_000 },
  },
  PreparingPod: {
    holds: 'sandbox and volumes',
    todo: 'with an error: the disk is full or read-only, or the cgroup tree refuses',
    example: { error: 'ENOSPC: no space left on device', retryAt: 62_000 },
  },
  GateQueue: {
    holds: 'one call to the runtime',
    todo: `${nothing}; --ts-gate-limit lets more calls run at the same time`,
    example: { slot: 'sandbox', position: 3 },
  },
  CreatingSandbox: { holds: 'containers', todo: 'if it lasts: the CNI plugin hangs', example: { since: 58_500 } },
  SandboxFailed: {
    holds: 'containers',
    todo: "the message is the runtime's; most often the CNI plugin's",
    example: { message: 'no free address', retryAt: 64_000 },
  },
  SandboxChanged: { holds: 'containers', todo: nothing, example: { sandbox, cause: 'it is not ready' } },
  StoppingSandbox: {
    holds: "a new sandbox, or the Pod's end",
    todo: 'if it lasts: the CNI plugin hangs',
    example: { sandbox, since: 59_000 },
  },
  MountingVolume: {
    holds: 'containers',
    todo: 'if it lasts: the file system behind it hangs, or what is named after the colon does not come',
    example: { volume: 'data', since: 59_000 },
  },
  VolumeFailed: {
    holds: 'containers',
    todo: 'the message says what is missing; a new ConfigMap, Secret, claim or volume is noticed at once, or within 5 s',
    example: { volume: 'config', message: 'configmap "web" not found', retryAt: 68_000 },
  },
  AwaitingObject: {
    holds: 'a volume or container',
    todo: 'the API server is away, or does not yet allow the node to read the object',
    example: { object: 'ConfigMap default/web', message: 'the API server is away' },
  },
  CheckingImage: { holds: 'a container', todo: nothing, example: { image, container } },
  PullingImage: {
    holds: 'a container',
    todo: 'wait (the Event ImagePullProgress says the same, and is updated); a queue number means that maxParallelImagePulls are under way; a credential provider has a minute, and its last words are in the log',
    example: {
      ...{ image, container, since: 48_000 },
      ...{ doneBytes: 3_145_728, totalBytes: 12_582_912, bytesPerSecond: 1_572_864, layers: [1, 4] as const },
    },
  },
  ImagePullBackOff: {
    holds: 'a container',
    todo: "wrong name, missing credentials or registry away: the message is the registry's, what follows on `hint:` is ours",
    example: { image, container, message: 'not found', retryAt: 70_000, hint: pullHint('not found')! },
  },
  ImageUnusable: {
    holds: 'a container',
    todo: 'imagePullPolicy Never without the image on the node, or a name that is no image reference',
    example: {
      image,
      container,
      reason: 'ErrImageNeverPull',
      message: 'image is not present with pull policy of Never',
    },
  },
  ContainerConfig: {
    holds: 'a container',
    todo: 'a ConfigMap, Secret or key is missing, or runAsNonRoot meets root; a new object is noticed at once',
    example: { container, reason: 'CreateContainerConfigError', message: 'secret "db" not found', retryAt: 64_200 },
  },
  CreatingContainer: {
    holds: 'a container',
    todo: 'if it lasts: the runtime is slow',
    example: { container, since: 59_700 },
  },
  StartingContainer: {
    holds: 'a container',
    todo: 'if it lasts: the runtime is slow',
    example: { container, since: 59_900 },
  },
  ContainerFailed: {
    holds: 'a container',
    todo: "the message is the runtime's: a command that does not exist, a mount that fails",
    example: { container, reason: 'RunContainerError', message: 'exec: "serve": not found', retryAt: 65_000 },
  },
  PostStartHook: {
    holds: 'later containers, readiness',
    todo: 'the hook runs as long as it runs',
    example: { container, since: 57_000 },
  },
  AfterContainer: {
    holds: 'the start of a container',
    todo: nothing,
    example: { container: 'sidecar', waitsFor: container },
  },
  InitContainer: {
    holds: 'main containers',
    todo: '`kubectl logs -c` of the init container',
    example: { container: 'migrate', state: 'running' },
  },
  CrashLoopBackOff: {
    holds: 'a container',
    todo: '`kubectl logs --previous`; the delay doubles to 5 min and starts anew after 10 min of running',
    example: { container, exitCode: 1, restarts: 3, delayMs: 40_000, retryAt: 91_000 },
  },
  StartupProbe: {
    holds: 'readiness, other probes',
    todo: "the message is the last probe's",
    example: { container, message: 'connection refused' },
  },
  ReadinessProbe: {
    holds: 'readiness',
    todo: "the message is the last probe's",
    example: { container, message: 'HTTP probe failed with statuscode: 503' },
  },
  InternalError: {
    holds: 'everything',
    todo: 'report it, with the answer of /debug/pods/NAMESPACE/NAME/trace; other Pods are not touched',
    example: { message: 'Cannot read properties of undefined' },
  },
  ContainerEnded: {
    holds: 'readiness',
    todo: 'restartPolicy says that it stays ended',
    example: { container, exitCode: 0, reason: 'Completed' },
  },
  RestartingContainer: {
    holds: 'a container',
    todo: 'its definition changed, a probe gave it up, or its postStart hook failed',
    example: { container, message: 'Container web failed liveness probe, will be restarted' },
  },
  ReadinessGate: {
    holds: 'readiness',
    todo: 'somebody else sets this condition',
    example: { condition: 'example.org/balanced' },
  },
  PreStopHook: {
    holds: "a container's stop",
    todo: 'the hook may use up the grace period',
    example: { container, since: 55_000, deadline: 85_000 },
  },
  StopTurn: {
    holds: "a sidecar's stop",
    todo: 'look at the containers that it waits for',
    example: { container: 'proxy', waitsFor: [container] },
  },
  StoppingContainer: {
    holds: "the Pod's end, or a restart",
    todo: 'the process has its grace period to end on SIGTERM',
    example: { container, since: 52_000, graceSeconds: 30 },
  },
  SettlingAction: {
    holds: "the Pod's end",
    todo: 'a call that was under way when the Pod was to end; if it lasts: the runtime or a file system hangs',
    example: { slot: 'volume/data', action: 'mountVolume', since: 50_000 },
  },
  UnpreparingClaims: {
    holds: "the Pod's end",
    todo: 'bring the DRA driver back that it names: only it can give back what it prepared',
    example: { error: 'unprepare dynamic resources: DRA driver gpu.example.com is not registered', retryAt: 62_000 },
  },
  Unmounting: {
    holds: "the Pod's end",
    todo: 'with an error: something on the node still uses the mount',
    example: { error: 'EBUSY', retryAt: 63_000 },
  },
  RemovingCgroup: {
    holds: "the Pod's end",
    todo: 'with an error: a process is left in the cgroup',
    example: { error: 'EBUSY', retryAt: 63_000 },
  },
  RemovingFiles: {
    holds: "the worker's end",
    todo: 'with an error: something is still mounted below the Pod directory',
    example: { error: 'EBUSY', retryAt: 63_000 },
  },
  ReleasingResources: { holds: "the Pod's end", todo: nothing, example: {} },
  StatusWrite: {
    holds: 'deletion from the API',
    todo: 'the API server is away or refuses: the problem says which',
    example: { what: 'the terminal status', problem: 'connection refused' },
  },
  ApiDelete: { holds: 'deletion from the API', todo: 'the API server is away or refuses', example: {} },
  Finalizers: {
    holds: 'deletion from the API',
    todo: 'the controller that put the finalizer there must remove it',
    example: { finalizers: ['example.org/hold'] },
  },
  MirrorPod: {
    holds: "a static Pod's visibility in the API",
    todo: 'the API server is away or refuses',
    example: { problem: 'namespaces "x" not found' },
  },
  Completed: { holds: 'nothing: the Pod is over', todo: 'nothing', example: { phase: 'Succeeded' } },
};
