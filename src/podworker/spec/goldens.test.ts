import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerConfigOut, HugepageLimitOut, ImageSpec, MountPropagation } from '../../cri/generated/runtime.ts';
import { runtimeMessageCodec } from '../../cri/protocol.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { ConfigMap, Container, Pod, Secret, Service } from '../../types/k8s.ts';
import { containerConfig } from './containerConfig.ts';
import type { ContainerContext, SpecNode } from './context.ts';
import { podDnsConfig } from './dns.ts';
import { resolveEnv } from './env.ts';
import type { EnvLookups, Fetched, ResolvedVariable } from './envTypes.ts';
import { CONTAINER_CONTEXT, LOOKUPS, NODE, SANDBOX_CONTEXT } from './fixtures.ts';
import { podHostname } from './hostname.ts';
import { containerMounts } from './mounts.ts';
import { sandboxConfig } from './sandboxConfig.ts';
import { mountSubPath } from './subPath.ts';

// What functions of the Go kubelet 1.36.3 answered for random Pods: messages as protobuf in base64, errors as text. `configs`
// went through generatePodSandboxConfig and generateContainerConfig, `worlds` through GetPodDNS, GeneratePodHostNameAndDomain,
// makeEnvironmentVariables and makeMounts. Their inputs are in the terms of the Go functions.

interface ConfigCase {
  readonly input: {
    readonly Pod: Pod & { readonly spec: NonNullable<Pod['spec']> };
    readonly Memory: number;
    readonly Swap: number;
    readonly V2: boolean;
    readonly Swapctl: boolean;
    readonly SwapBehavior: SpecNode['swapBehavior'];
    readonly Single: boolean;
    readonly SeccompDefault: boolean;
    readonly StopSignals: boolean;
    readonly CFS: boolean;
    readonly Groups: number[];
    readonly Attempt: number;
    readonly Domain: string;
    readonly UID?: number;
    readonly Username?: string;
    readonly Env: { Name: string; Value: string }[];
    readonly RestartCount: number;
    readonly Target: string;
  };
  readonly sandbox: string;
  readonly sandboxError: string;
  readonly containers: Record<string, string>;
  readonly errors: Record<string, string>;
}

interface GoMount {
  readonly ContainerPath: string;
  readonly HostPath: string;
  readonly ReadOnly: boolean;
  readonly RecursiveReadOnly: boolean;
  readonly SELinuxRelabel: boolean;
  readonly Propagation: number;
  readonly Image: { image: string } | null;
  readonly ImageSubPath: string;
}

interface WorldCase {
  readonly input: {
    readonly Pod: Pod & { readonly spec: NonNullable<Pod['spec']> };
    readonly ConfigMaps: Record<string, ConfigMap>;
    readonly Secrets: Record<string, Secret>;
    readonly Services: Service[];
    readonly Node: { status: { allocatable: Record<string, string>; addresses: { address: string }[] } };
    readonly PodIPs: string[];
    readonly Domain: string;
    readonly RRO: boolean;
    readonly Volumes: Record<string, { Path: string; ReadOnly: boolean; Managed: boolean; Relabel: boolean }>;
    readonly Images: Record<string, ImageSpec>;
    readonly ResolvConf: string | null;
    readonly ClusterDNS: string[];
    readonly NodeIPs: string[];
  };
  readonly hostname: string;
  readonly domain: string;
  readonly hostnameError: string;
  readonly dns: { servers?: string[]; searches?: string[]; options?: string[] } | null;
  readonly dnsError: string;
  readonly events: string[];
  readonly env: Record<string, Record<string, string>>;
  readonly envErrors: Record<string, string>;
  readonly mounts: Record<string, GoMount[]>;
  readonly mountErrors: Record<string, string>;
}

const path = join(process.cwd(), 'src/podworker/spec/testdata/kubelet-1.36.3.json');
const goldens = JSON.parse(readFileSync(path, 'utf8')) as {
  thermalThrottlePaths: string[];
  configs: ConfigCase[];
  worlds: WorldCase[];
};

/** The result, or the message of what was thrown. */
function outcome<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    return (error as Error).message;
  }
}

/** What a receiver reads; huge pages in one order, which Go takes from a directory. */
function received(name: string, bytes: Uint8Array): object {
  const message = runtimeMessageCodec(name).decode(Buffer.from(bytes)) as ContainerConfigOut;
  message.linux?.resources?.hugepageLimits?.sort((a: HugepageLimitOut, b) => (a.pageSize < b.pageSize ? -1 : 1));
  return message;
}
const wanted = (name: string, base64: string, error: string) => error || received(name, Buffer.from(base64, 'base64'));
const sent = (name: string, message: object) => received(name, runtimeMessageCodec(name).encode(message));

function nodeOf({ input }: ConfigCase): SpecNode {
  return {
    ...NODE,
    cgroupVersion: input.V2 ? 2 : 1,
    cpuCFSQuota: input.CFS,
    memoryCapacity: input.Memory,
    swapCapacity: input.Swap,
    singleProcessOOMKill: input.Single,
    swapControllerAvailable: input.Swapctl,
    swapBehavior: input.SwapBehavior,
    thermalThrottlePaths: goldens.thermalThrottlePaths,
    seccompDefault: input.SeccompDefault,
    seccompRoot: '/root/seccomp',
    containerStopSignals: input.StopSignals,
  };
}

describe.each(goldens.configs.map((golden, i) => [i, golden] as const))('messages of Pod %i', (_i, golden) => {
  const { input } = golden;
  const range = [{ hostId: 65536, containerId: 0, length: 65536 }];
  const pod = {
    node: nodeOf(golden),
    cgroupParent: '/kubepods/x',
    volumeGroups: input.Groups,
    userNamespace: { uids: range, gids: range },
  };

  // The recorded sandboxes have a DNS configuration and a host name that the test dictated.
  if (!golden.sandboxError.includes('FQDN')) {
    test('sandbox', () => {
      const subdomain = input.Domain === 'd.n.svc.x' ? { subdomain: 'd' } : {};
      const named = { ...input.Pod, spec: { ...input.Pod.spec, ...subdomain, hostname: 'h' } };
      const dns = { hostResolvConf: 'search a.b', clusterDNS: ['10.0.0.10'], clusterDomain: 'x', nodeIPs: [] };
      const message = outcome(() => {
        const config = sandboxConfig(allocatedAsAsked(named), {
          ...SANDBOX_CONTEXT,
          ...pod,
          attempt: input.Attempt,
          dns,
        });
        return sent('PodSandboxConfig', {
          ...config,
          dnsConfig: { servers: ['10.0.0.10'], searches: ['a.b'], options: ['ndots:5'] },
        });
      });
      expect(message).toEqual(wanted('PodSandboxConfig', golden.sandbox, golden.sandboxError));
    });
  }

  const { initContainers = [], containers, ephemeralContainers = [] } = input.Pod.spec;
  test.each([...initContainers, ...containers, ...ephemeralContainers].map((c) => [c.name, c as Container] as const))(
    'container %s',
    (name, container) => {
      const context: ContainerContext = {
        ...CONTAINER_CONTEXT,
        ...pod,
        imageUser: input.UID === undefined && input.Username ? { username: input.Username } : { uid: input.UID ?? 0 },
        imageRef: 'sha256:ref',
        restartCount: input.RestartCount,
        env: input.Env.map(({ Name, Value }) => ({ name: Name, value: Value })),
        targetContainerId: input.Target || null,
      };
      const message = outcome(() =>
        sent('ContainerConfig', containerConfig(allocatedAsAsked(input.Pod), container, context)),
      );
      expect(message).toEqual(wanted('ContainerConfig', golden.containers[name] ?? '', golden.errors[name] ?? ''));
    },
  );
});

const PROPAGATIONS: MountPropagation[] = [
  'PROPAGATION_PRIVATE',
  'PROPAGATION_HOST_TO_CONTAINER',
  'PROPAGATION_BIDIRECTIONAL',
];

function fetched<T>(objects: Record<string, T>): Map<string, Fetched<T>> {
  const found = Object.entries(objects).map(([name, object]) => [name, { state: 'found', object }] as const);
  return new Map<string, Fetched<T>>([...found, ['gone', { state: 'notFound' }]]);
}

describe.each(goldens.worlds.map((golden, i) => [i, golden] as const))('world %i', (_i, golden) => {
  const { input } = golden;
  const pod = input.Pod;
  const lookups: EnvLookups = {
    ...LOOKUPS,
    configMaps: fetched(input.ConfigMaps),
    secrets: fetched(input.Secrets),
    services: input.Services,
    hostIPs: input.Node.status.addresses.map((a) => a.address),
    podIPs: input.PodIPs,
    allocatable: input.Node.status.allocatable,
  };

  test('host name', () => {
    const { hostname, domain } = golden;
    expect(outcome(() => podHostname(pod, input.Domain))).toEqual(golden.hostnameError || { hostname, domain });
  });

  test('DNS', () => {
    const dns = outcome(() => {
      const { ResolvConf: hostResolvConf, ClusterDNS: clusterDNS, Domain: clusterDomain, NodeIPs: nodeIPs } = input;
      const { servers, searches, options, warnings } = podDnsConfig(pod, {
        hostResolvConf,
        clusterDNS,
        clusterDomain,
        nodeIPs,
      });
      const events = warnings.map((w) => `${w.object}|${w.reason}|${w.message}`);
      return { servers, searches, options: [...options].sort(), events };
    });
    const { servers = [], searches = [], options = [] } = golden.dns ?? {};
    expect(dns).toEqual(golden.dnsError || { servers, searches, options: [...options].sort(), events: golden.events });
  });

  test.each(pod.spec.containers.map((c) => [c.name, c] as const))('container %s', (name, container) => {
    const result = resolveEnv(pod, container, lookups);
    if ('missing' in result) {
      expect(result.missing[0].message).toBe(golden.envErrors[name]);
      return;
    }
    expect(Object.fromEntries(result.env.map((v) => [v.name, v.value]))).toEqual(golden.env[name]);
    const mounts = outcome(() => containerMounts(pod, container, mountContext(container, result.env), result.env));
    const theirs = golden.mountErrors[name] || golden.mounts[name]?.map(fromGo);
    expect(typeof mounts === 'string' ? mounts : mounts.map((m) => ({ ...EMPTY_MOUNT, ...m }))).toEqual(theirs);
  });

  function mountContext(container: Container, env: readonly ResolvedVariable[]): ContainerContext {
    const subPaths = (container.volumeMounts ?? []).map((mount, index) => {
      const subPath = outcome(() => mountSubPath(mount, env));
      return [index, `${input.Volumes[mount.name]?.Path}/${subPath}`] as const;
    });
    const volumes = Object.entries(input.Volumes).filter(([name]) => !(name in input.Images));
    return {
      ...CONTAINER_CONTEXT,
      node: { ...NODE, seLinuxEnabled: true },
      podDir: '/poddir',
      podIPs: input.PodIPs,
      supportsRecursiveReadOnly: input.RRO,
      subPaths: new Map(subPaths),
      imageVolumes: new Map(Object.keys(input.Images).map((name) => [name, { image: 'sha' }])),
      volumes: new Map(
        volumes.map(([name, v]) => [
          name,
          { hostPath: v.Path, readOnly: v.ReadOnly, seLinuxRelabel: v.Managed && v.Relabel },
        ]),
      ),
    };
  }
});

const EMPTY_MOUNT = { readonly: false, recursiveReadOnly: false, image: null, imageSubPath: '' };

function fromGo(mount: GoMount): object {
  return {
    containerPath: mount.ContainerPath,
    hostPath: mount.HostPath,
    readonly: mount.ReadOnly,
    recursiveReadOnly: mount.RecursiveReadOnly,
    selinuxRelabel: mount.SELinuxRelabel,
    propagation: PROPAGATIONS[mount.Propagation],
    image: mount.Image && { image: mount.Image.image },
    imageSubPath: mount.ImageSubPath,
  };
}
