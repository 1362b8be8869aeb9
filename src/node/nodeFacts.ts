import type { ImageOut, VersionResponseOut } from '../cri/generated/runtime.ts';
import type { Clock } from '../lib/clock.ts';
import { readAddressFacts } from './addressFacts.ts';
import { readMachineFacts } from './machineFacts.ts';
import { isIP, isUnspecified } from './rules/ip.ts';
import type { MachineFacts, NodeImage, NodeSettings, NodeStatusFacts, RuntimeFact } from './types.ts';

/** The runtime calls behind the status; `Cri` satisfies it. */
export interface NodeFactsService {
  version(): Promise<VersionResponseOut>;
  listImages(): Promise<ImageOut[]>;
}

/** What other modules know; read at each update. */
export type OtherFacts = Pick<NodeStatusFacts, 'pressure' | 'notReady' | 'warnings' | 'volumesInUse' | 'devices'>;

export interface NodeFactsOptions {
  readonly service: NodeFactsService;
  readonly clock: Clock;
  readonly settings: NodeSettings;
  readonly rootDir: string;
  readonly runtime: () => RuntimeFact;
  readonly others: () => Promise<OtherFacts>;
}

/** kubelet's image cache is as old as this at most, its CRI version cache twice that. */
const IMAGES_MS = 30_000;
const VERSION_MS = 60_000;
/** Memory and disks are hot-plugged at times; everything else about the machine is constant. */
const MACHINE_MS = 300_000;
/** How long the first status waits for the runtime's version and images. */
const FIRST_MS = 2_000;

/** Reads the facts for a status update; what is dear is read again only when it is old. Rejects never. */
export function nodeFactsReader({ service, clock, settings, rootDir, runtime, others }: NodeFactsOptions) {
  const machine = machineReader(clock, rootDir);
  const images = cached(clock, IMAGES_MS, async () => (await service.listImages()).map(toNodeImage));
  const version = cached(clock, VERSION_MS, async () => {
    const { runtimeName, runtimeVersion } = await service.version();
    return `${runtimeName}://${runtimeVersion.replace(/^v/, '')}`;
  });
  const named = settings.nodeIPs.some((ip) => !isUnspecified(ip)) || isIP(settings.hostname);
  return async (): Promise<NodeStatusFacts> => {
    const [machineFacts, addresses, imageList, runtimeVersion, more] = await Promise.all([
      machine(),
      readAddressFacts(named ? undefined : settings.nodeName),
      images(),
      version(),
      others(),
    ]);
    return {
      machine: machineFacts,
      addresses,
      runtime: runtime(),
      ...(runtimeVersion !== undefined && { runtimeVersion }),
      ...(imageList && { images: imageList }),
      ...more,
    };
  };
}

/** Files only: waited for each time. */
function machineReader(clock: Clock, rootDir: string): () => Promise<MachineFacts> {
  let facts: Promise<MachineFacts> | undefined;
  let readAt = 0;
  return () => {
    const now = clock.now().mono;
    if (!facts || now - readAt >= MACHINE_MS) {
      facts = readMachineFacts(rootDir);
      readAt = now;
    }
    return facts;
  };
}

/**
 * Reads at most every `ms`, in the background: a runtime that hangs must not hold up the heartbeat that says so. Only the first
 * value is waited for, for a moment. A read that fails leaves the last value.
 */
function cached<T>(clock: Clock, ms: number, read: () => Promise<T>): () => Promise<T | undefined> {
  let value: T | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const refresh = async () => {
    const now = clock.now().mono;
    try {
      value = await read();
      readAt = now;
    } catch {
      // The runtime's state is a condition of its own (RuntimeStatus), with the error in it.
    }
    reading = undefined;
  };
  return async () => {
    if (clock.now().mono - readAt >= ms) reading ??= refresh();
    if (value === undefined && reading) await atMost(clock, FIRST_MS, reading);
    return value;
  };
}

function atMost(clock: Clock, ms: number, promise: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = clock.setTimer(ms, late.resolve);
  return Promise.race([promise, late.promise]).finally(() => timer[Symbol.dispose]());
}

function toNodeImage({ repoDigests, repoTags, size }: ImageOut): NodeImage {
  return { repoDigests, repoTags, sizeBytes: Number(size) };
}
