import { FakePeer, type FakeReply } from '../../dbus/fake/peer.ts';
import type { DBusMessage } from '../../dbus/message.ts';
import type { DBusValue, Variant } from '../../dbus/signature.ts';

const MANAGER = 'org.freedesktop.systemd1.Manager';
const ERROR = 'org.freedesktop.systemd1.';

/** A unit of the fake. */
export interface FakeUnit {
  readonly properties: Map<string, Variant>;
}

/** An in-process systemd on a unix socket: slices by StartTransientUnit, SetUnitProperties, StopUnit, ResetFailedUnit; with the bus's own calls. */
export class FakeSystemd implements AsyncDisposable {
  readonly units = new Map<string, FakeUnit>();
  /** Every call in the order of arrival: `StartTransientUnit kubepods.slice`. */
  readonly calls: string[] = [];
  /** Called when a unit starts or stops, before its job ends: here a test makes or removes directories. */
  onStart: (name: string) => Promise<void> = async () => {};
  onStop: (name: string) => Promise<void> = async () => {};
  version = '257.9-1~deb13u1';
  /** How jobs end. */
  jobResult = 'done';
  /** Send JobRemoved before the reply that names the job: what a bus with two connections may show. */
  signalFirst = false;
  /** Neither replies nor signals while true. */
  silent = false;
  #peer: FakePeer | undefined;
  #job = 0;

  private constructor() {}

  static async listen(path: string): Promise<FakeSystemd> {
    const fake = new FakeSystemd();
    fake.#peer = await FakePeer.listen(path, (call, out) => void fake.#answer(out, call));
    return fake;
  }

  /** Ends all connections, as a daemon-reexec does. */
  disconnect(): void {
    this.#peer?.disconnect();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer?.[Symbol.asyncDispose]();
  }

  async #answer(out: FakeReply, call: DBusMessage): Promise<void> {
    const [name] = (call.body ?? []) as [string];
    this.calls.push(`${call.member} ${name ?? ''}`.trim());
    if (this.silent) return;
    switch (call.member) {
      case 'StartTransientUnit':
        if (this.units.has(name)) return out.fail(`${ERROR}UnitExists`, `Unit ${name} already exists.`);
        return this.#start(out, call, name);
      case 'SetUnitProperties':
        if (!this.units.has(name)) return out.fail(`${ERROR}NoSuchUnit`, `Unit ${name} not loaded.`);
        this.#set(name, call.body![2]!);
        return out.reply();
      case 'StopUnit':
        if (!this.units.has(name)) return out.fail(`${ERROR}NoSuchUnit`, `Unit ${name} not loaded.`);
        await this.onStop(name);
        this.units.delete(name);
        return this.#runJob(out, name);
      case 'ResetFailedUnit':
        if (!this.units.has(name)) return out.fail(`${ERROR}NoSuchUnit`, `Unit ${name} not loaded.`);
        return out.reply();
      case 'Get':
        return out.reply('v', [{ signature: 's', value: this.version }]);
      case 'Hello':
        return out.reply('s', [':1.1']);
      default:
        return out.reply();
    }
  }

  async #start(out: FakeReply, call: DBusMessage, name: string): Promise<void> {
    this.units.set(name, { properties: new Map() });
    this.#set(name, call.body![2]!);
    await this.onStart(name);
    this.#runJob(out, name);
  }

  #set(name: string, properties: DBusValue): void {
    for (const [key, value] of properties as [string, Variant][]) this.units.get(name)!.properties.set(key, value);
  }

  #runJob(out: FakeReply, unit: string): void {
    const id = ++this.#job;
    const job = `/org/freedesktop/systemd1/job/${id}`;
    const removed = () =>
      this.#peer?.signal({
        path: '/org/freedesktop/systemd1',
        interface: MANAGER,
        member: 'JobRemoved',
        signature: 'uoss',
        body: [id, job, unit, this.jobResult],
      });
    if (this.signalFirst) removed();
    out.reply('o', [job]);
    if (!this.signalFirst) setImmediate(removed);
  }
}
