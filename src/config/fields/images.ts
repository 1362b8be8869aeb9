import { bool, duration, int32, object, quantity, str, strings } from '../schema.ts';
import { allowlist, notNegative, supported } from './checks.ts';

const VERIFICATION = ['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'];
const percent = { ...supported, min: 0, max: 100 } as const;

/** Images, logs of containers, the runtime. */
export const imageFields = {
  registryPullQPS: int32(5, 'Image pulls a second; 0 means no limit', { ...supported, ...notNegative }),
  registryBurst: int32(10, 'Image pulls in a burst', { ...supported, ...notNegative, zeroIsUnset: true }),
  serializeImagePulls: bool(true, 'Pull one image at a time: not done here, see maxParallelImagePulls', {
    support: 'different',
  }),
  maxParallelImagePulls: int32(undefined as number | undefined, 'Images pulled at the same time', {
    ...supported,
    min: 1,
  }),
  imagePullCredentialsVerificationPolicy: str(
    'NeverVerifyPreloadedImages',
    'Which images that are there may be used by those alone who may pull them',
    { ...supported, oneOf: VERIFICATION, zeroIsUnset: true },
  ),
  preloadedImagesVerificationAllowlist: strings([], 'Images exempt under NeverVerifyAllowlistedImages', {
    ...supported,
    check: allowlist,
  }),
  imageMinimumGCAge: duration(120_000, 'Age below which an unused image stays', {
    ...supported,
    min: 0,
    zeroIsUnset: true,
  }),
  imageMaximumGCAge: duration(0, 'Age above which an unused image goes; 0 disables it', { ...supported, min: 0 }),
  imageGCHighThresholdPercent: int32(85, 'Disk usage that starts image garbage collection; 100 disables it', percent),
  imageGCLowThresholdPercent: int32(80, 'Disk usage that image garbage collection frees down to', percent),
  containerLogMaxSize: quantity('10Mi', 'Size at which a container log is rotated', {
    ...supported,
    zeroIsUnset: true,
  }),
  containerLogMaxFiles: int32(5, 'Log files kept for a container', { ...supported, min: 2 }),
  containerLogMaxWorkers: int32(1, 'Logs rotated at the same time', { ...supported, min: 1 }),
  containerLogMonitorInterval: duration(10_000, 'Longest time between two looks at a log that is being written', {
    ...supported,
    min: 3000,
  }),
  containerRuntimeEndpoint: str('unix:///run/containerd/containerd.sock', 'Socket of the container runtime', {
    ...supported,
    zeroIsUnset: true,
  }),
  imageServiceEndpoint: str('', 'Socket of the image service; empty means that of the runtime', supported),
  runtimeRequestTimeout: duration(120_000, 'Timeout of runtime requests other than pull, logs, exec and attach', {
    ...supported,
    zeroIsUnset: true,
  }),
  crashLoopBackOff: object(
    {
      maxContainerRestartPeriod: duration(
        undefined as number | undefined,
        'Longest wait before a restart, 1s to 5m; 5m when unset, 1m with the gate ReduceDefaultCrashLoopBackOffDecay',
        { ...supported, min: 1000, max: 300_000 },
      ),
    },
    'Restarts of failing containers',
  ),
} as const;
