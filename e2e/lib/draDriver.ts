// Starts a DRA driver on the lab's node, and publishes what it has.
import { DriverProcess, kubeletRoot } from './driverProcess.ts';

const API = '/apis/resource.k8s.io/v1';
const CDI = '/var/run/cdi';

/** With its DeviceClass. Its calls are one for each claim. Disposing also removes what it made in the cluster. */
export class DraDriverProcess extends DriverProcess {
  protected override command() {
    return ['draDriverProgram.ts', this.name, kubeletRoot, CDI] as const;
  }

  /** Its DeviceClass. */
  async publishClass(): Promise<void> {
    const selectors = [{ cel: { expression: `device.driver == "${this.name}"` } }];
    await this.t.lab.api.create(`${API}/deviceclasses`, { metadata: { name: this.name }, spec: { selectors } });
  }

  /** So many devices on this node, as a driver publishes them. */
  async publish(count: number): Promise<void> {
    const { api, node } = this.t.lab;
    const devices = Array.from({ length: count }, (_, i) => ({ name: `device-${i}` }));
    const pool = { name: node, generation: 1, resourceSliceCount: 1 };
    await api.create(`${API}/resourceslices`, {
      metadata: { name: this.name },
      spec: { driver: this.name, nodeName: node, pool, devices },
    });
  }

  /** Whether what it published is still there. */
  async isPublished(): Promise<boolean> {
    return (await this.t.lab.api.find(`${API}/resourceslices/${this.name}`)) !== undefined;
  }

  /** Names of the claims that it was asked for by a method, in order. */
  claims(method: 'NodePrepareResources' | 'NodeUnprepareResources'): unknown[] {
    return this.of(method).map(({ request }) => request.name);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
    await this.t.lab.onNode('sh', '-c', `rm -f ${CDI}/${this.name}-*.json`);
    for (const url of [`${API}/resourceslices/${this.name}`, `${API}/deviceclasses/${this.name}`])
      await this.t.lab.api.remove(url).catch(() => {});
  }
}
