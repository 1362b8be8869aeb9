import type { ApiClient } from '../api/client.ts';
import type { Reflector } from '../api/reflector.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { Cri } from '../cri/client.ts';
import type { NodeEvent } from '../events/event.ts';
import type { Clock } from '../lib/clock.ts';
import type { Mounter } from '../lib/linux/mounter.ts';
import type { Logger } from '../lib/logger.ts';
import type { NodePressure } from '../pods/nodePressure.ts';
import type { PersistentVolumes } from '../volumes/persistent/persistentVolumes.ts';
import type { DeviceFacts, NodeSettings, NodeStartup } from './types.ts';

/** What keeping a Node object needs of the API server. */
export interface NodeConnection {
  /** Without a limit: heartbeats do not queue behind other calls. */
  readonly heartbeat: ApiClient;
  readonly node: Reflector<'Node'>;
}

/** What the node is made of, and who hears of it. */
export interface LocalNodeOptions {
  readonly config: KubeletConfiguration;
  readonly settings: NodeSettings;
  readonly rootDir: string;
  readonly cri: Cri;
  readonly mounter: Pick<Mounter, 'list'>;
  readonly pressure: NodePressure;
  /** Who looks after volumes that outlast Pods. */
  readonly volumes: Pick<PersistentVolumes, 'inUse' | 'plugins' | 'nodeSeen' | 'onInUse'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recordEvent: (event: NodeEvent) => void;
  /** Sentences that keep the Node from being Ready, besides those of runtime and machine. */
  readonly notReady: () => readonly string[];
  /** Why the runtime counts as down although it says that it is well: its lists do not come. */
  readonly unlisted: () => string | undefined;
  /** What has to be in the API before the Node may be Ready: the CSINode. Absent without an API server. */
  readonly csiNode?: CsiNodePresence;
  /** What device plug-ins offer by now. */
  readonly devices: () => DeviceFacts;
  /** Hears how far the start of a new Node has come. */
  readonly startup?: NodeStartup;
}

/** Whether the CSINode is there. */
export interface CsiNodePresence {
  /** Why not, as a sentence. */
  problem(): string | undefined;
  onChange(listener: () => void): Disposable;
  /** Makes it; the Node is registered. */
  initialize(signal: AbortSignal): Promise<void>;
}
