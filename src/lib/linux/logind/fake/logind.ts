import { FakePeer } from '../../dbus/fake/peer.ts';

const MANAGER = 'org.freedesktop.login1.Manager';

/** An in-process logind on a private bus: how long it waits for delay locks, its configuration, its word that the machine shuts down. */
export class FakeLogind implements AsyncDisposable {
  /** InhibitDelayMaxSec in microseconds. */
  delayUs = 5_000_000n;
  /** What it becomes when the configuration is read again; undefined: it stays. */
  configuredUs: bigint | undefined;
  /** PreparingForShutdown. */
  preparing = false;
  /** Every call in the order of arrival, with its first argument. */
  readonly calls: string[] = [];
  readonly #peer: FakePeer;

  private constructor(peer: FakePeer) {
    this.#peer = peer;
  }

  static async listen(path: string): Promise<FakeLogind> {
    let fake: FakeLogind | undefined;
    const peer = await FakePeer.listen(path, (call, out) => {
      const [first, second] = (call.body ?? []) as [unknown, unknown];
      fake!.calls.push(`${call.member} ${first ?? ''}`.trim());
      if (call.member === 'Hello') out.reply('s', [':1.7']);
      else if (call.member === 'KillUnit') {
        if (fake!.configuredUs !== undefined) fake!.delayUs = fake!.configuredUs;
        out.reply();
      } else if (call.member === 'Get' && second === 'InhibitDelayMaxUSec')
        out.reply('v', [{ signature: 't', value: fake!.delayUs }]);
      else if (call.member === 'Get' && second === 'PreparingForShutdown')
        out.reply('v', [{ signature: 'b', value: fake!.preparing }]);
      else out.reply();
    });
    fake = new FakeLogind(peer);
    return fake;
  }

  get connections(): number {
    return this.#peer.connections;
  }

  /** The machine is about to shut down, or no longer is. */
  prepareForShutdown(starts: boolean): void {
    this.preparing = starts;
    const where = { path: '/org/freedesktop/login1', interface: MANAGER };
    this.#peer.signal({ ...where, member: 'PrepareForShutdown', signature: 'b', body: [starts] });
  }

  /** Ends all connections, as a restart of the bus does. */
  disconnect(): void {
    this.#peer.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#peer[Symbol.asyncDispose]();
  }
}
