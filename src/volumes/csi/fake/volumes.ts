// PersistentVolumes of a CSI driver in tests: the volumes' owners on a CsiTestNode, whose Node a test attaches volumes to.
import type { PodEvent } from '../../../events/event.ts';
import { type Clock, realClock } from '../../../lib/clock.ts';
import { silentLogger } from '../../../lib/logger.ts';
import type { CSIDriverSpec, PersistentVolumeSpec, StoredPod } from '../../../types/k8s.ts';
import type { Lookup, ObjectLookup, VolumeContext } from '../../contract.ts';
import type { Published, VolumeSpec } from '../../persistent/contract.ts';
import { persistentKinds } from '../../persistent/kinds.ts';
import { PersistentVolumes } from '../../persistent/persistentVolumes.ts';
import { CsiKind } from '../kind.ts';
import { attachmentName, uniqueName } from '../names.ts';
import { type CsiTestNode, DRIVER, NODE } from './node.ts';

export class CsiTestVolumes implements Disposable {
  readonly events: PodEvent[] = [];
  readonly node: CsiTestNode;
  volumes: PersistentVolumes;
  #driver: Lookup<unknown> = { state: 'absent' };
  readonly #attached = new Set<string>();
  readonly #clock: Clock;

  constructor(node: CsiTestNode, clock: Clock = realClock) {
    this.node = node;
    this.#clock = clock;
    this.volumes = this.restart();
  }

  /** Another process on what is on disk. */
  restart(): PersistentVolumes {
    const { root, mounter, services } = this.node;
    this.volumes?.[Symbol.dispose]();
    const host = { root, mounter, log: silentLogger, digest: () => '', csi: services, run: never };
    const kinds = persistentKinds(new CsiKind(services));
    this.volumes = new PersistentVolumes({ clock: this.#clock, log: silentLogger, host, kinds });
    this.volumes.onInUse(() => this.#tell());
    return this.volumes;
  }

  /** The cluster's CSIDriver. */
  cluster(spec: CSIDriverSpec): void {
    const defaults = { fsGroupPolicy: 'ReadWriteOnceWithFSType', volumeLifecycleModes: ['Persistent'] };
    this.#driver = { state: 'present', object: { metadata: { name: DRIVER }, spec: { ...defaults, ...spec } } };
  }

  /** The attach-detach controller and the driver's attacher do their work; the Node says that it is in use, and that it is attached. */
  attach(handle: string, metadata: Record<string, string> = {}): void {
    const name = attachmentName(handle, DRIVER, NODE);
    this.node.api.objects.set('VolumeAttachment', {
      metadata: { name },
      spec: { attacher: DRIVER, nodeName: NODE, source: { persistentVolumeName: 'pv' } },
      status: { attached: true, attachmentMetadata: metadata },
    });
    this.attached(uniqueName(DRIVER, handle));
  }

  /** The Node says that this volume is attached. */
  attached(name: string): void {
    this.#attached.add(name);
    this.#tell();
  }

  /** What the Pod gets of a volume. */
  async have(pod: StoredPod, spec: VolumeSpec, size?: string, seLinuxLabel?: string): Promise<Published> {
    const objects = { get: () => this.#driver } as unknown as ObjectLookup;
    const context = { objects, token: undefined as never, nodeAllocatable: {} } satisfies VolumeContext;
    const kind = this.volumes.kinds.of(spec);
    const { name, mode } = spec;
    const identity = { ...kind.identify(spec, pod, objects), name, mode };
    return this.volumes.have(identity, kind, {
      ...{ pod, spec, context, signal: this.node.signal },
      ...(size === undefined ? {} : { size }),
      ...(seLinuxLabel === undefined ? {} : { seLinuxLabel }),
      event: (event) => void this.events.push(event),
      progress: () => {},
    });
  }

  leave(uid: string): Promise<void> {
    return this.volumes.leave(uid, this.node.signal);
  }

  [Symbol.dispose](): void {
    this.volumes[Symbol.dispose]();
  }

  #tell(): void {
    const volumesInUse = this.volumes.inUse();
    const volumesAttached = [...this.#attached].map((name) => ({ name, devicePath: '' }));
    this.volumes.nodeSeen({ status: { ...(volumesInUse ? { volumesInUse } : {}), volumesAttached } });
  }
}

const never = async () => {
  throw new Error('no program is run for a CSI volume');
};

/** A claimed volume of the fake driver. */
export function csiSpec(
  handle: string,
  more: Partial<PersistentVolumeSpec> = {},
  asked: Partial<VolumeSpec> = {},
): VolumeSpec {
  const spec = {
    accessModes: ['ReadWriteOnce'],
    csi: { driver: DRIVER, volumeHandle: handle, fsType: 'ext4' },
    ...more,
  };
  return {
    name: `pv-${handle}`,
    pv: { metadata: { name: `pv-${handle}` }, spec },
    readOnly: false,
    mode: 'Filesystem',
    ...asked,
  };
}
