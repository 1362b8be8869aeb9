import { debugAddress, debugSocket } from './debugPlaces.ts';
import { supported } from './fields/checks.ts';
import { nodeLabels } from './nodeLabels.ts';
import { bool, duration, type Infer, int32, str, stringMap } from './schema.ts';

const NEVER = { support: 'no-effect' } as const;
const DIFFERENT = { support: 'different' } as const;
const CADVISOR = 'A flag of cAdvisor that kubelet registers by mistake';

/** Flags of kubelet 1.36.3 that are no configuration field; the flag's name is the option's in kebab case. */
const kubeletOptions = {
  config: str('', 'Configuration file (KubeletConfiguration); flags win over it', supported),
  configDir: str('', 'Directory of drop-ins (*.conf, sorted, sub-directories too) merged over --config', supported),
  kubeconfig: str('', 'How to reach the API server; without it: standalone mode', supported),
  bootstrapKubeconfig: str(
    '',
    'Kubeconfig with which the client certificate is requested when --kubeconfig is missing',
    supported,
  ),
  hostnameOverride: str('', 'Name of the Node instead of the hostname', supported),
  nodeIp: str(
    '',
    "Address of the Node: IPv4, IPv6, both ('a,b'), or '0.0.0.0' or '::' for the wanted family",
    supported,
  ),
  certDir: str('/var/lib/kubelet/pki', 'Directory of certificates', supported),
  cloudProvider: str('', "'external' waits for a cloud controller", {
    ...supported,
    check: (v) => (v === '' || v === 'external' ? undefined : "must be empty or 'external'"),
  }),
  rootDir: str('/var/lib/kubelet', 'Directory of all state', supported),
  nodeLabels: stringMap({}, 'Labels of the Node when it registers: key=value,…', { ...supported, check: nodeLabels }),
  lockFile: str('', 'File to lock against a second kubelet', supported),
  exitOnLockContention: bool(false, 'Exit when another process opens --lock-file', supported),
  runtimeCgroups: str('', 'Cgroup of the container runtime, for its statistics', supported),
  imageCredentialProviderConfig: str('', 'Configuration of credential providers: a file or a directory', supported),
  imageCredentialProviderBinDir: str('', 'Directory of credential provider programs', supported),
  minimumContainerTtlDuration: duration(0, 'Age below which a dead container counts for neither limit (deprecated)', {
    ...supported,
    min: 0,
  }),
  maximumDeadContainersPerContainer: int32(1, 'Dead containers kept for each container (deprecated)', supported),
  maximumDeadContainers: int32(-1, 'Dead containers kept in all; negative means no limit (deprecated)', supported),
  experimentalMounterPath: str('', 'Program that mounts (deprecated)', DIFFERENT),
  experimentalAllocatableIgnoreEviction: bool(
    false,
    'Allocatable without the eviction thresholds (deprecated)',
    supported,
  ),
  housekeepingInterval: duration(10_000, 'How often statistics are taken: whenever they are asked for', DIFFERENT),
  logCadvisorUsage: bool(false, CADVISOR, NEVER),
  applicationMetricsCountLimit: int32(100, CADVISOR, NEVER),
  bootIdFile: str('/proc/sys/kernel/random/boot_id', CADVISOR, NEVER),
  containerHints: str('/etc/cadvisor/container_hints.json', CADVISOR, NEVER),
  containerd: str('/run/containerd/containerd.sock', CADVISOR, NEVER),
  containerdNamespace: str('k8s.io', CADVISOR, NEVER),
  enableLoadReader: bool(false, CADVISOR, NEVER),
  eventStorageAgeLimit: str('default=0', CADVISOR, NEVER),
  eventStorageEventLimit: str('default=0', CADVISOR, NEVER),
  globalHousekeepingInterval: duration(60_000, CADVISOR, NEVER),
  machineIdFile: str('/etc/machine-id,/var/lib/dbus/machine-id', CADVISOR, NEVER),
  storageDriverUser: str('root', CADVISOR, NEVER),
  storageDriverPassword: str('root', CADVISOR, { ...NEVER, secret: true }),
  storageDriverHost: str('localhost:8086', CADVISOR, NEVER),
  storageDriverDb: str('cadvisor', CADVISOR, NEVER),
  storageDriverTable: str('stats', CADVISOR, NEVER),
  storageDriverSecure: bool(false, CADVISOR, NEVER),
  storageDriverBufferDuration: duration(60_000, CADVISOR, NEVER),
} as const;

/** Flags of this program alone: all start with `--ts-`. */
const ownOptions = {
  tsGateLimit: int32(0, 'Runtime calls that start something at the same time; 0 means a few per core', {
    ...supported,
    min: 0,
    max: 1000,
  }),
  tsDebugSocket: str(
    '',
    "Unix socket of the explanations (why, timeline), for root alone; 'off' serves none; empty: kubelet-ts/debug.sock below --root-dir",
    { ...supported, check: debugSocket },
  ),
  tsDebugAddress: str(
    'off',
    'Loopback address, such as 127.0.0.1:10247, that serves the explanations to every local process as well',
    { ...supported, check: debugAddress },
  ),
  tsCpuProfiles: bool(
    false,
    "Serve CPU profiles at /debug/pprof/profile: V8's profiler can get stuck when it stops, which ends the agent",
    supported,
  ),
  tsRecordDir: str(
    '',
    'Directory that facts and decisions are recorded to, for replay; empty records nothing',
    supported,
  ),
} as const;

/** Every flag that is no configuration field. */
export const optionFields = { ...kubeletOptions, ...ownOptions } as const;

/** The values of the flags that are no configuration field, complete and frozen; durations in milliseconds. */
export type KubeletOptions = Infer<typeof optionFields>;
