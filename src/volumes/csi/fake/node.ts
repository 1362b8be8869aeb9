// A node for tests of CSI: an API server in this process, the Node in it, and a directory.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../../api/client.ts';
import { FakeApiServer } from '../../../api/fake/server.ts';
import { realClock } from '../../../lib/clock.ts';
import { FakeMounter } from '../../../lib/fake/mounter.ts';
import { silentLogger } from '../../../lib/logger.ts';
import type { PluginInfo } from '../../../plugins/handler.ts';
import { CsiDrivers } from '../drivers.ts';
import { CsiNodeInfo } from '../nodeInfo.ts';
import { CsiRegistration } from '../registration.ts';
import { type CsiServices, secretReader } from '../services.ts';
import { FakeCsiDriver, type FakeDriverOptions } from './driver.ts';

export const NODE = 'n1';
export const DRIVER = 'fake.csi.example';

export class CsiTestNode implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'csi-'));
  readonly mounter = new FakeMounter();
  readonly drivers = new CsiDrivers();
  readonly client: ApiClient;
  readonly nodeInfo: CsiNodeInfo;
  readonly registration: CsiRegistration;
  readonly services: CsiServices;
  readonly signal = new AbortController().signal;
  readonly claimEvents: string[] = [];
  readonly #fakes: FakeCsiDriver[] = [];
  readonly api: FakeApiServer;

  private constructor(api: FakeApiServer) {
    this.api = api;
    this.client = new ApiClient(api.connection);
    const common = { clock: realClock, log: silentLogger };
    this.nodeInfo = new CsiNodeInfo({ ...common, client: this.client, nodeName: NODE, random: Math.random });
    this.registration = new CsiRegistration({ ...common, drivers: this.drivers, nodeInfo: this.nodeInfo });
    this.services = {
      drivers: this.drivers,
      nodeName: NODE,
      clock: realClock,
      secret: secretReader(this.client, realClock),
      attachment: (name) => this.client.get('VolumeAttachment', { name }),
      updateNow: async () => {},
      claims: this.client,
      claimEvent: (claim, { reason }) => void this.claimEvents.push(`${claim.metadata?.name} ${reason}`),
      failedExpansions: new Set(),
      republishMs: 60_000,
    };
  }

  static async start(): Promise<CsiTestNode> {
    const api = await FakeApiServer.start();
    api.objects.set('Node', { metadata: { name: NODE, uid: 'node-uid' } });
    return new CsiTestNode(api);
  }

  /** A driver that serves; not registered yet. */
  async driver(options: Partial<FakeDriverOptions> = {}): Promise<FakeCsiDriver> {
    const n = this.#fakes.length;
    const driver = new FakeCsiDriver({
      socket: join(this.root, `driver-${n}.sock`),
      data: join(this.root, `data-${n}`),
      mounter: this.mounter,
      ...options,
    });
    this.#fakes.push(driver);
    return driver.start();
  }

  /** What the plug-ins' door says of the n-th driver. */
  plugin(n = 0, versions: readonly string[] = ['1.0.0'], name = DRIVER): PluginInfo {
    return {
      type: 'CSIPlugin',
      name,
      endpoint: join(this.root, `driver-${n}.sock`),
      versions,
      socket: join(this.root, `reg-${n}.sock`),
    };
  }

  /** A driver that is registered. */
  async registered(options: Partial<FakeDriverOptions> = {}): Promise<FakeCsiDriver> {
    const driver = await this.driver(options);
    await this.nodeInfo.initialize(this.signal);
    await this.registration.register(this.plugin(this.#fakes.length - 1), this.signal);
    return driver;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drivers[Symbol.dispose]();
    for (const driver of this.#fakes) await driver.stop();
    await this.client[Symbol.asyncDispose]();
    await this.api[Symbol.asyncDispose]();
    rmSync(this.root, { recursive: true, force: true });
  }
}
