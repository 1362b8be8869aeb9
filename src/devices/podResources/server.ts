// The podresources API (KEP-606, KEP-2043): monitoring agents ask here which container has which device.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../lib/clock.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import type { DynamicResource } from '../../plugins/generated/podResources/podResourcesV1.ts';
import { podResourcesProtocol } from '../../plugins/protocols/podResources.ts';
import type { PodEntry } from '../../pods/entry.ts';
import type { PodTable } from '../../pods/table.ts';
import { Encoded } from '../../rpc/encoded.ts';
import { type RpcServer, startRpcServer } from '../../rpc/server.ts';
import { RpcStatus, serveService } from '../../rpc/service.ts';
import type { Pod } from '../../types/k8s.ts';
import type { DeviceBook } from '../book.ts';
import { encodedPod } from './encode.ts';
import {
  allocatableResources,
  type ContainerHoldings,
  listedContainers,
  type MemoryHolding,
  podResourcesV1alpha1,
} from './rules/answers.ts';

/** kubelet's: requests a second, and at once. */
const QPS = 100;
const BURST = 10;
const MAX_CONNECTIONS = 64;
/** Of an answer: 500 Pods with a hundred devices each are some 5 MiB. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** What CPU manager, memory manager and claims say of a container; each may be left out where there is none. */
export interface OtherHoldings {
  cpus?(uid: string, container: string): readonly number[];
  memory?(uid: string, container: string): readonly MemoryHolding[];
  claims?(pod: Pod, container: string): readonly DynamicResource[];
  /** CPUs and memory that can be given to containers of their own. */
  allocatableCpus?(): readonly number[];
  allocatableMemory?(): readonly MemoryHolding[];
}

/** Names as in kubelet's metrics pod_resources_endpoint_*. */
export type PodResourcesMethod = 'list' | 'get' | 'get_allocatable';

export interface PodResourcesOptions {
  readonly rootDir: string;
  readonly table: PodTable;
  readonly book: DeviceBook;
  readonly others?: OtherHoldings;
  /** List leaves out Pods that are over (feature gate KubeletPodResourcesListUseActivePods). */
  readonly activeOnly: boolean;
  readonly clock: Clock;
  /** A request that the rate limit let in; `method` undefined: only the version is counted. */
  onRequest?(version: 'v1' | 'v1alpha1', method: PodResourcesMethod | undefined): void;
  onError?(version: 'v1', method: PodResourcesMethod): void;
}

/** Serves `<root>/pod-resources/kubelet.sock`. Rejects with a sentence if it cannot be opened. */
export async function servePodResources(options: PodResourcesOptions): Promise<RpcServer> {
  const { rootDir, clock } = options;
  const directory = join(rootDir, 'pod-resources');
  await mkdir(directory, { recursive: true, mode: 0o750 });
  const limiter = new RateLimiter(clock, QPS, BURST);
  const limited = <T extends unknown[], R>(answer: (...args: T) => R) => {
    return (...args: T): R => {
      if (!limiter.tryAcquire()) throw new RpcStatus(status.RESOURCE_EXHAUSTED, 'rejected by rate limit');
      return answer(...args);
    };
  };
  const v1 = serveService(podResourcesProtocol, 'v1.PodResourcesLister', {
    List: limited(() => {
      options.onRequest?.('v1', 'list');
      return listAnswer(listed(options).map((entry) => [entry.pod, holdingsOf(options, entry)] as const));
    }),
    Get: limited(({ podName, podNamespace }) => {
      options.onRequest?.('v1', 'get');
      const entry = options.table
        .all()
        .find((one): one is KnownPod => one.name === podName && one.namespace === podNamespace && isKnown(one));
      if (entry) return new Encoded(Buffer.concat(encodedPod(entry.pod, holdingsOf(options, entry))));
      options.onError?.('v1', 'get');
      throw new Error(`pod ${podName} in namespace ${podNamespace} not found`);
    }),
    GetAllocatableResources: limited(() => {
      options.onRequest?.('v1', 'get_allocatable');
      const { book, others = {} } = options;
      return allocatableResources(
        book.inventory(),
        others.allocatableCpus?.() ?? [],
        others.allocatableMemory?.() ?? [],
      );
    }),
  });
  const v1alpha1 = serveService(podResourcesProtocol, 'v1alpha1.PodResourcesLister', {
    List: limited(() => {
      options.onRequest?.('v1alpha1', undefined);
      return { podResources: known(options).map(({ pod, uid }) => podResourcesV1alpha1(pod, of(options, uid))) };
    }),
  });
  return startRpcServer({
    path: join(directory, 'kubelet.sock'),
    services: [v1, v1alpha1],
    mode: 0o755,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxConnections: MAX_CONNECTIONS,
    clock,
  });
}

type KnownPod = PodEntry & { readonly pod: Pod };
const isKnown = (one: PodEntry): one is KnownPod => one.pod !== null && one.phase !== 'Admitting';

/** Pods encoded between two looks at other work. */
const AT_ONCE = 4;

/** What these Pods held when they were asked about: a device that goes to another one meanwhile is not told twice. */
async function listAnswer(pods: readonly (readonly [Pod, PodHoldings])[]): Promise<Encoded> {
  const pieces: Uint8Array[] = [];
  for (const [at, [pod, holdings]] of pods.entries()) {
    if (at > 0 && at % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    pieces.push(...encodedPod(pod, holdings));
  }
  return new Encoded(Buffer.concat(pieces));
}

/** Pods of sources, by namespace and name. One that waits for its place or its devices has nothing to tell. */
function known({ table }: PodResourcesOptions): KnownPod[] {
  const key = ({ namespace, name }: PodEntry) => `${namespace}/${name}`;
  return table
    .all()
    .filter(isKnown)
    .sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

function listed(options: PodResourcesOptions): KnownPod[] {
  const over: readonly string[] = ['Cleaning', 'Finished'];
  return known(options).filter(({ phase }) => !options.activeOnly || !over.includes(phase));
}

const of =
  ({ book }: PodResourcesOptions, uid: string) =>
  (container: string) =>
    book
      .assignments(uid)
      .filter((one) => one.container === container)
      .sort((a, b) => (a.resource < b.resource ? -1 : 1));

type PodHoldings = ReadonlyMap<string, ContainerHoldings>;

function holdingsOf(options: PodResourcesOptions, { uid, pod }: KnownPod): PodHoldings {
  const { others = {} } = options;
  const assignments = of(options, uid);
  return new Map(
    listedContainers(pod).map(({ name }) => [
      name,
      {
        assignments: assignments(name),
        cpus: others.cpus?.(uid, name) ?? [],
        memory: others.memory?.(uid, name) ?? [],
        claims: others.claims?.(pod, name) ?? [],
      },
    ]),
  );
}
