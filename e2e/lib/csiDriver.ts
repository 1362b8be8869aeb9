// Starts CSI drivers on the lab's node, and does the work of an external attacher.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { VolumeAttachment } from '../../src/types/k8s.ts';
import { DriverProcess, kubeletRoot } from './driverProcess.ts';
import type { TestContext } from './test.ts';

/** Its calls are those of the CSI services. */
export class CsiDriverProcess extends DriverProcess {
  protected override command() {
    return ['csiDriverProgram.ts', this.name, kubeletRoot, this.dataOf('')] as const;
  }

  /** Where the files of a volume are. */
  dataOf(volumeId: string): string {
    return path.join(this.t.directory, 'csi', volumeId);
  }

  /** The Pods of the test go first, also after a failure: without their driver they could not. */
  override async [Symbol.asyncDispose](): Promise<void> {
    const { lab, namespace } = this.t;
    const pods = () => lab.pods.all().filter(({ metadata }) => metadata?.namespace === namespace);
    try {
      if (pods().length === 0) return;
      await (this.runs ? this.tell('heal') : this.start());
      for (const { metadata } of pods()) await lab.api.remove(`/api/v1/namespaces/${namespace}/pods/${metadata?.name}`);
      await lab.pods.until(`the Pods of the driver ${this.name} to be gone`, () => pods().length === 0);
    } finally {
      await this.leave();
    }
  }
}

/** Marks every VolumeAttachment of the driver as attached, until disposed: what external-attacher does with a driver that attaches nothing. */
export function attacher(t: TestContext, driver: string): AsyncDisposable {
  const ended = new AbortController();
  const url = '/apis/storage.k8s.io/v1/volumeattachments';
  const run = async () => {
    while (!ended.signal.aborted) {
      const { items } = await t.lab.api.get<{ items: VolumeAttachment[] }>(url);
      for (const { metadata, spec, status } of items) {
        if (spec.attacher !== driver || status?.attached || metadata?.deletionTimestamp) continue;
        const body = { status: { attached: true, attachmentMetadata: { device: metadata?.name ?? '' } } };
        await t.lab.api.patch(`${url}/${metadata?.name}/status`, body).catch(() => {}); // gone meanwhile
      }
      await delay(100, undefined, { signal: ended.signal }).catch(() => {});
    }
  };
  const running = run();
  running.catch(() => {}); // it is told where it is awaited, and does not end the run before
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await running;
    },
  };
}

/** The cluster's object of a driver; taken away when disposed. */
export async function csiDriverObject(t: TestContext, name: string, spec: object): Promise<AsyncDisposable> {
  await t.lab.api.create(`/apis/storage.k8s.io/v1/csidrivers`, { metadata: { name }, spec });
  return { [Symbol.asyncDispose]: () => t.lab.api.remove(`/apis/storage.k8s.io/v1/csidrivers/${name}`) };
}
