/**
 * Why a Pod is not further than it is: one typed reason for each gate that holds it back. `decide` returns them with
 * every decision; `why` prints them. `since` is monotonic ms (when the wait began), durations are ms.
 */
export type Reason =
  | { readonly code: 'InternalError'; readonly message: string }
  | { readonly code: 'SourcesNotReady' }
  | { readonly code: 'NameTaken'; readonly by: string }
  | { readonly code: 'ObservingRuntime'; readonly problem?: string }
  | { readonly code: 'OutcomeUnknown'; readonly slot: string; readonly action: string; readonly message: string }
  | { readonly code: 'Admission' }
  | { readonly code: 'Preempting'; readonly victims: readonly string[] }
  | { readonly code: 'AllocatingDevices'; readonly devices: readonly string[] }
  | { readonly code: 'AwaitingDevicePlugin'; readonly resources: readonly string[] }
  | { readonly code: 'Rejected'; readonly reason: string; readonly message: string; readonly lost?: string }
  | { readonly code: 'ResizePending'; readonly state: 'Deferred' | 'Infeasible'; readonly message: string }
  | { readonly code: 'Allocating'; readonly error?: string; readonly retryAt?: number }
  | { readonly code: 'ResizingPod'; readonly since?: number; readonly error?: string; readonly retryAt?: number }
  | { readonly code: 'RuntimeNotReady'; readonly message: string }
  | { readonly code: 'NetworkNotReady'; readonly message: string }
  | { readonly code: 'DynamicResources'; readonly message: string; readonly retryAt?: number }
  | { readonly code: 'PreparingClaims'; readonly since?: number; readonly message?: string }
  | { readonly code: 'PreparingPod'; readonly error?: string; readonly retryAt?: number }
  | { readonly code: 'GateQueue'; readonly slot: string; readonly position: number }
  | { readonly code: 'CreatingSandbox'; readonly since: number }
  | { readonly code: 'SandboxFailed'; readonly message: string; readonly retryAt: number }
  | { readonly code: 'SandboxChanged'; readonly sandbox: string; readonly cause: string }
  | { readonly code: 'StoppingSandbox'; readonly sandbox: string; readonly since?: number; readonly error?: string }
  | { readonly code: 'MountingVolume'; readonly volume: string; readonly since?: number; readonly message?: string }
  | { readonly code: 'VolumeFailed'; readonly volume: string; readonly message: string; readonly retryAt: number }
  | { readonly code: 'AwaitingObject'; readonly object: string; readonly message: string }
  | { readonly code: 'CheckingImage'; readonly image: string; readonly container: string }
  | {
      readonly code: 'PullingImage';
      readonly image: string;
      readonly container: string;
      readonly since: number;
      /** Credential providers that are being asked first. */
      readonly provider?: string;
      readonly position?: number;
      readonly doneBytes?: number;
      readonly totalBytes?: number;
      readonly bytesPerSecond?: number;
      /** For how long no byte has come, in ms. */
      readonly idleMs?: number;
      /** Layers that are there, of how many. */
      readonly layers?: readonly [present: number, of: number];
      /** The runtime does not tell how far it is. */
      readonly untold?: true;
    }
  | {
      readonly code: 'ImagePullBackOff';
      readonly image: string;
      readonly container: string;
      readonly message: string;
      readonly retryAt: number;
      /** What to do about it. */
      readonly hint?: string;
    }
  | {
      readonly code: 'ImageUnusable';
      readonly image: string;
      readonly container: string;
      readonly reason: string;
      readonly message: string;
      readonly hint?: string;
    }
  | {
      readonly code: 'ContainerConfig';
      readonly container: string;
      readonly reason: string;
      readonly message: string;
      readonly retryAt?: number;
    }
  | { readonly code: 'CreatingContainer'; readonly container: string; readonly since: number }
  | { readonly code: 'StartingContainer'; readonly container: string; readonly since: number }
  | {
      readonly code: 'ContainerFailed';
      readonly container: string;
      readonly reason: string;
      readonly message: string;
      readonly retryAt: number;
    }
  | { readonly code: 'PostStartHook'; readonly container: string; readonly since: number }
  | { readonly code: 'AfterContainer'; readonly container: string; readonly waitsFor: string }
  | {
      readonly code: 'InitContainer';
      readonly container: string;
      readonly state: 'running' | 'not started' | 'starting up';
    }
  | {
      readonly code: 'CrashLoopBackOff';
      readonly container: string;
      readonly exitCode: number;
      readonly restarts: number;
      readonly delayMs: number;
      readonly retryAt: number;
    }
  | { readonly code: 'StartupProbe'; readonly container: string; readonly message?: string }
  | { readonly code: 'ReadinessProbe'; readonly container: string; readonly message?: string }
  | { readonly code: 'ContainerEnded'; readonly container: string; readonly exitCode: number; readonly reason: string }
  | { readonly code: 'RestartingContainer'; readonly container: string; readonly message: string }
  | { readonly code: 'ReadinessGate'; readonly condition: string }
  | { readonly code: 'PreStopHook'; readonly container: string; readonly since: number; readonly deadline: number }
  | { readonly code: 'StopTurn'; readonly container: string; readonly waitsFor: readonly string[] }
  | {
      readonly code: 'StoppingContainer';
      readonly container: string;
      readonly since?: number;
      readonly graceSeconds: number;
      readonly error?: string;
    }
  | { readonly code: 'SettlingAction'; readonly slot: string; readonly action: string; readonly since: number }
  | {
      readonly code: 'UnpreparingClaims';
      readonly message?: string;
      readonly error?: string;
      readonly retryAt?: number;
    }
  | { readonly code: 'Unmounting'; readonly error?: string; readonly retryAt?: number }
  | { readonly code: 'RemovingCgroup'; readonly error?: string; readonly retryAt?: number }
  | { readonly code: 'RemovingFiles'; readonly error?: string; readonly retryAt?: number }
  | { readonly code: 'ReleasingResources' }
  | { readonly code: 'StatusWrite'; readonly what: string; readonly problem?: string }
  | { readonly code: 'ApiDelete'; readonly problem?: string }
  | { readonly code: 'Finalizers'; readonly finalizers: readonly string[] }
  | { readonly code: 'MirrorPod'; readonly problem?: string }
  | { readonly code: 'Completed'; readonly phase: string; readonly reason?: string; readonly message?: string };

export type ReasonCode = Reason['code'];
