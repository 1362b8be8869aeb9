import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeMounter } from '../../lib/fake/mounter.ts';
import type { ConfigMap, Secret, StoredPod, Volume } from '../../types/k8s.ts';
import type { Lookup, MountedVolume, VolumeContext, VolumeManager, VolumeUpdate } from '../contract.ts';
import { createVolumeManager } from '../manager.ts';

type Spec = Partial<StoredPod['spec']>;

/** A signal that never aborts. */
export const { signal } = new AbortController();

/** A Pod of the namespace `shop` with these volumes. */
export function podWith(volumes: Volume[], spec: Spec = {}): StoredPod {
  return {
    metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', labels: { app: 'web', tier: 'a"b' } },
    spec: { containers: [{ name: 'c', image: 'i' }], serviceAccountName: 'robot', ...spec, volumes },
  };
}

/** Text as Secrets hold it. */
export const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A volume manager on a temporary directory, a fake mount table, and API objects that a test puts there. */
export class VolumeNode {
  readonly root = mkdtempSync(join(tmpdir(), 'volumes-'));
  readonly mounter = new FakeMounter();
  readonly manager: VolumeManager = createVolumeManager({ root: this.root, mounter: this.mounter });
  readonly objects = new Map<string, Lookup<ConfigMap | Secret>>();
  token: VolumeContext['token'] = async (demand) => ({
    token: `token-for-${demand.audiences.join() || 'api'}`,
    expiresAt: 5678,
    refreshAt: 1234,
  });

  readonly context: VolumeContext = {
    objects: {
      get: (kind: string, namespace: string, name: string) =>
        (this.objects.get(`${kind}/${namespace}/${name}`) ?? { state: 'absent' }) as Lookup<never>,
    },
    token: (demand, abort) => this.token(demand, abort),
    nodeAllocatable: { cpu: '4', memory: '1Gi' },
  };

  put(kind: 'ConfigMap' | 'Secret', name: string, object: ConfigMap | Secret): void {
    this.objects.set(`${kind}/shop/${name}`, { state: 'present', object });
  }

  mount(volume: Volume, spec: Spec = {}): Promise<MountedVolume> {
    return this.manager.mount(podWith([volume], spec), volume, this.context, signal);
  }

  update(volume: Volume): Promise<VolumeUpdate> {
    return this.manager.update(podWith([volume]), volume, this.context, signal);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
