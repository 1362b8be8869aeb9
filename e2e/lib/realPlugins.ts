// Kubernetes' own sample device plug-in and DRA test driver as programs of the lab's node, and impostors that lie in their place.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freeze, unfreeze } from '../../hack/cluster/control.ts';
import { runningService, startService, stopService } from '../../hack/cluster/service.ts';
import { ensureTools, type Tools } from '../../hack/tools/ensure.ts';
import { FakeDevicePlugin, healthyDevices } from '../../src/devices/fake/fakeDevicePlugin.ts';
import type { Device } from '../../src/plugins/generated/device/device.ts';
import { DraDriverProcess } from './draDriver.ts';
import { pick, random } from './random.ts';
import type { TestContext } from './test.ts';

/** What the sample plug-in offers. */
export const SAMPLE_RESOURCE = 'example.com/resource';
export const SAMPLE_DEVICES = ['Dev-1', 'Dev-2'];

/** A real plug-in, which everything may happen to. */
export abstract class RealPlugin {
  protected readonly t: TestContext;
  protected readonly service: string;

  constructor(t: TestContext, service: string) {
    this.t = t;
    this.service = service;
  }

  protected abstract argv(tools: Tools): string[];

  /** Lies in its place for a while; it is not running then. */
  protected abstract impostor(ms: number): Promise<void>;

  /** Starts it unless it runs. */
  async start(): Promise<void> {
    const argv = this.argv(await ensureTools(['test-images']));
    startService(this.t.lab.cluster, { name: this.service, argv, place: 'node' });
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await stopService(this.t.lab.cluster, this.service, signal);
  }

  /** It answers nothing for a while, and may be killed in it. */
  async hang(ms: number): Promise<void> {
    const { cluster } = this.t.lab;
    if (!runningService(cluster, this.service)) await this.start();
    freeze(cluster, this.service);
    await delay(ms);
    if (random() < 0.3) await this.end('SIGKILL');
    else unfreeze(cluster, this.service);
    await this.start();
  }

  /** Somebody else is there under its name, who lies. */
  async lie(ms: number): Promise<void> {
    await this.end(pick(['SIGKILL', 'SIGTERM']));
    await this.impostor(ms).catch((error) => this.t.note(`an impostor was not taken: ${(error as Error).message}`));
    await this.start();
  }

  /** Ends it, and removes what it left on the node. */
  async remove(): Promise<void> {
    await this.end('SIGKILL');
  }
}

/** test/images/sample-device-plugin: two devices. */
export class SampleDevicePlugin extends RealPlugin {
  constructor(t: TestContext) {
    super(t, 'sample-device-plugin');
  }

  protected override argv(tools: Tools): string[] {
    return [tools.bin('sampledeviceplugin')];
  }

  /** Lists of devices that are not there, are ill, are there twice, lie on strange nodes; nothing is ever allocated. */
  protected override async impostor(ms: number): Promise<void> {
    const directory = path.join(this.t.lab.cluster.layout.kubeletRoot, 'device-plugins');
    const [one, two] = SAMPLE_DEVICES;
    const lists: Device[][] = [
      [],
      healthyDevices([...SAMPLE_DEVICES, 'Dev-3', 'Dev-4']),
      healthyDevices([one!, one!, two!]),
      healthyDevices(SAMPLE_DEVICES, [99, -1]),
      SAMPLE_DEVICES.map((ID) => ({ ID, health: 'Unhealthy' })),
      [{ ID: one!, health: 'no such word' }],
    ];
    await using liar = await FakeDevicePlugin.start({
      ...{ directory, resource: SAMPLE_RESOURCE, devices: pick(lists), socket: 'liar.sock' },
    });
    const refuse = () => Promise.reject(new Error('it lied'));
    liar.allocate = pick([refuse, () => new Promise<never>(() => {})]);
    await liar.register();
    for (let left = ms; left > 0; left -= 250) {
      await delay(Math.min(left, 250));
      await liar.say(pick(lists));
    }
  }

  override async remove(): Promise<void> {
    await super.remove();
    for (const device of SAMPLE_DEVICES) rmSync(path.join('/tmp', device), { force: true });
  }
}

/** test/e2e/dra/test-driver: four devices, which it publishes itself. */
export class RealDraDriver extends RealPlugin {
  readonly name: string;

  constructor(t: TestContext) {
    super(t, 'dra-test-driver');
    this.name = `real.${t.namespace}.example`;
  }

  protected override argv(tools: Tools): string[] {
    const { insideKubeconfig, nodeName } = this.t.lab.cluster.layout;
    const shared = [`--kubeconfig=${insideKubeconfig}`, `--drivername=${this.name}`];
    return [tools.bin('dra-test-driver'), ...shared, 'kubelet-plugin', `--node-name=${nodeName}`];
  }

  /** In its Pod its directory is a volume that is made. */
  override async start(): Promise<void> {
    mkdirSync(path.join(this.t.lab.cluster.layout.kubeletRoot, 'plugins', this.name), { recursive: true });
    await super.start();
  }

  protected override async impostor(ms: number): Promise<void> {
    const liar = new DraDriverProcess(this.t, this.name);
    try {
      await liar.start();
      await liar.tell(pick(['lie', 'refuse', 'hang NodePrepareResources', 'hang NodeUnprepareResources']));
      await delay(ms);
    } finally {
      await liar.leave();
    }
  }

  override async remove(): Promise<void> {
    await super.remove();
    await using _left = new DraDriverProcess(this.t, this.name); // its sockets, CDI files and class
    const slices = `/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.driver%3D${this.name}`;
    await this.t.lab.api.remove(slices).catch(() => {});
  }
}
