// One attached, staged volume under Pods that come and go, a kind that fails before and after its work, and processes that are killed.
import { sleep } from '../../lib/clock.ts';
import { FakeVolumes, podOf, volumeOf } from './fake/attachedKind.ts';
import { FinalError } from './volumeStepError.ts';

const NAME = 'example.com/attached/disk';
const spec = volumeOf('disk');
const uids = ['a', 'b', 'c'];

/** A generator of numbers in [0, 1) that is fixed for a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The node as the kernel, the attach-detach controller and the API server have it. It outlives processes. */
class World {
  readonly node = new FakeVolumes();
  readonly random: () => number;
  readonly published = new Set<string>();
  readonly broken: string[] = [];
  /** Steps under way in this life. */
  readonly running = new Set<string>();
  /** Pods that were asked to be there; what they still wait for. */
  readonly wanted = new Set<string>();
  isStaged = false;
  accepted: readonly string[] = [];
  isAttached = false;
  life = 0;

  constructor(seed: number) {
    this.random = randomOf(seed);
    const { kind } = this.node;
    kind.hold = (call) => this.#work(call);
    kind.reconstruct = async () => {
      if (!this.isStaged && this.published.size === 0) return [];
      const found = { uniqueName: NAME, name: 'disk', mode: 'Filesystem', attachable: true } as const;
      return [{ ...found, staged: this.isStaged, pods: [...this.published] }];
    };
  }

  /** A step: some fail before anything was done, some after all was, and each is checked against what must hold. */
  async #work(call: string): Promise<void> {
    const { life } = this;
    this.#begin(call);
    if (this.random() < 0.5) await sleep(this.node.clock, 1000 * this.random());
    else await Promise.resolve();
    if (this.life !== life) return new Promise(() => {});
    this.running.delete(call);
    const roll = this.random();
    if (roll < 0.1) throw new FinalError('refused');
    if (roll < 0.2) throw new Error('nothing was done, and nobody knows');
    this.#change(call);
    if (roll < 0.3) throw new Error('all was done, and nobody knows');
  }

  /** The device stays as it is while a Pod is given it; nothing is taken from a Pod that wants it when that begins. */
  #begin(call: string): void {
    const [step, uid = ''] = call.split(' ');
    const isDevice = (one: string) => one === 'stage' || one === 'unstage';
    const others = [...this.running].filter((one) => !one.startsWith('unpublish'));
    if (isDevice(call) ? others.length > 0 : step === 'publish' && others.some(isDevice))
      this.broken.push(`${call} beside ${others}`);
    if (step === 'unpublish' && this.wanted.has(uid)) this.broken.push(`${call}: from under a Pod that wants it`);
    this.running.add(call);
  }

  #change(call: string): void {
    const [step, uid = ''] = call.split(' ');
    const must = (holds: boolean, what: string) => {
      if (!holds) this.broken.push(`${call}: ${what}`);
    };
    if (step === 'stage') {
      must(this.accepted.includes(NAME), 'before it was known to be in use');
      must(this.isAttached, 'before it was attached');
      this.isStaged = true;
    }
    if (step === 'publish') {
      must(this.isStaged, 'before it was staged');
      this.published.add(uid);
    }
    if (step === 'unpublish') {
      this.published.delete(uid);
    }
    if (step === 'unstage') {
      must(this.published.size === 0, 'from under Pods');
      this.isStaged = false;
    }
  }

  /** What the API server and the controller make of the status that is reported now. */
  report(): void {
    const inUse = this.node.volumes.inUse();
    if (inUse) this.accepted = inUse;
    // The controller detaches what is not in use any more; something mounted then would lose its disk.
    if (!this.accepted.includes(NAME)) {
      if (this.isStaged || this.published.size > 0) this.broken.push('detached while it was mounted');
      this.isAttached = false;
    } else if (this.random() < 0.5) this.isAttached = true;
    const volumesAttached = this.isAttached ? [{ name: NAME, devicePath: '' }] : [];
    this.node.volumes.nodeSeen({ status: { volumesInUse: this.accepted, volumesAttached } });
  }

  want(uid: string): void {
    this.wanted.add(uid);
    this.node.have(podOf(uid), spec).catch(() => undefined);
  }

  leave(uid: string): void {
    this.wanted.delete(uid);
    this.node.leave(podOf(uid)).catch(() => undefined);
  }

  /** kill -9, and the next process: its Pods' workers ask again. */
  async kill(): Promise<void> {
    this.life += 1;
    this.running.clear();
    this.node.volumes[Symbol.dispose]();
    const volumes = this.node.open();
    await volumes.rebuild();
    for (const uid of uids) if (this.wanted.has(uid)) this.want(uid);
    if (this.random() < 0.7) volumes.sourcesSynced();
  }

  async step(): Promise<void> {
    const uid = uids[Math.floor(this.random() * uids.length)]!;
    const roll = this.random();
    if (roll < 0.3) this.want(uid);
    else if (roll < 0.5) this.leave(uid);
    else if (roll < 0.6) await this.kill();
    else if (roll < 0.7) this.node.volumes.sourcesSynced();
    else if (roll < 0.9) this.report();
    await this.node.clock.advanceAsync(this.random() < 0.3 ? 150_000 : 300 * this.random());
  }

  /** Everybody goes; steps go on failing, and are tried again until they do not. */
  async settle(): Promise<void> {
    this.node.volumes.sourcesSynced();
    for (let round = 0; round < 60 && (this.isStaged || this.published.size > 0 || round < 2); round++) {
      for (const uid of uids) this.leave(uid);
      this.report();
      await this.node.clock.advanceAsync(150_000);
    }
    this.report();
  }
}

test.each(Array.from({ length: 60 }, (_, i) => i + 1))(
  'whatever fails and whenever it is killed (seed %i)',
  async (seed) => {
    const world = new World(seed);
    using _node = world.node;
    await world.node.volumes.rebuild();
    for (let i = 0; i < 40; i++) await world.step();
    // Who wants it gets it, however often it failed.
    world.node.volumes.sourcesSynced();
    world.want('a');
    for (let round = 0; round < 60; round++) {
      world.report();
      world.want('a');
      await world.node.clock.advanceAsync(150_000);
    }
    const { published, isStaged } = world;
    expect([published.has('a'), isStaged]).toEqual([true, true]);
    await world.settle();
    expect(world.broken).toEqual([]);
    expect([world.isStaged, [...world.published], world.node.volumes.inUse(), world.node.volumes.size]).toEqual([
      false,
      [],
      [],
      0,
    ]);
  },
);
