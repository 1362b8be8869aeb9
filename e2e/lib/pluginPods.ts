// Pods with devices and claims that come and go at random, and what must hold of them whatever becomes of the plug-ins.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Container, Pod } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import { once, onceSpec } from './once.ts';
import { condition, create, describePod, pod, remove, rest, untilGone } from './pods.ts';
import { pick, random } from './random.ts';
import { SAMPLE_RESOURCE } from './realPlugins.ts';
import type { TestContext } from './test.ts';

/** Runs only with exactly one device, and only where nobody else has that device: its lock is a file that all Pods share. */
const withDevice = `set -- /tmp/Dev-*; [ $# = 1 ] && [ -e "$1" ] || exit 3; exec 9>"/out/lock-$(basename "$1")"; flock -n 9 || exit 4; ${rest}`;
/** Runs only with the variable that the driver gives for a claim. */
const withClaim = `env | grep -q '^claim_.*=true' || exit 5; ${rest}`;

/** At most so many live at a time; more than there are devices would only wait for the scheduler. */
const MOST = { device: 2, claim: 4 };
type Kind = keyof typeof MOST;

interface FileEntry {
  readonly PodUID: string;
  readonly ContainerName: string;
  readonly ResourceName: string;
  readonly DeviceIDs: Readonly<Record<string, readonly string[]>> | null;
}

/** The Pods of one run. */
export class PluginPods {
  readonly #t: TestContext;
  readonly #template: string;
  readonly #living = new Map<string, { readonly kind: Kind; readonly pod: Pod }>();
  readonly #deleted: Pod[] = [];
  /** UIDs of Pods that were ever seen to have devices: they must not fail any more. */
  readonly #given = new Set<string>();
  #created = 0;
  #refused = 0;

  /** `template`: the ResourceClaimTemplate of Pods with claims. */
  constructor(t: TestContext, template: string) {
    this.#t = t;
    this.#template = template;
  }

  /** For the test's note. */
  get counts(): string {
    return `${this.#created} Pods, of which ${this.#refused} were refused when their plug-in was away; ${this.#given.size} had devices`;
  }

  /** Creates a Pod if there is room, and deletes one at times. */
  async step(): Promise<void> {
    const kind = pick<Kind>(['device', 'claim']);
    const mine = [...this.#living].filter(([, one]) => one.kind === kind);
    if (mine.length < MOST[kind]) await this.#create(kind);
    if (mine.length > 0 && random() < 0.4) await this.#delete(pick(mine)[0]);
    await this.#forgetRefused();
  }

  /** Looks at the checkpoint: no device stands there twice, and who stands there must not fail. */
  look(): void {
    const holders = new Map<string, string>();
    for (const { PodUID, ResourceName, DeviceIDs } of this.entries()) {
      this.#given.add(PodUID);
      for (const id of new Set(Object.values(DeviceIDs ?? {}).flat())) {
        const key = `${ResourceName} ${id}`;
        assert.ok(!holders.has(key), `${key} was given to Pods ${holders.get(key)} and ${PodUID}`);
        holders.set(key, PodUID);
      }
    }
  }

  /** What the kubelet has written down as given. */
  entries(): readonly FileEntry[] {
    const file = path.join(this.#t.lab.cluster.layout.kubeletRoot, 'device-plugins/kubelet_internal_checkpoint');
    if (!existsSync(file)) return [];
    const { Data } = JSON.parse(readFileSync(file, 'utf8')) as { Data: { PodDeviceEntries: FileEntry[] | null } };
    return Data.PodDeviceEntries ?? [];
  }

  /** The claims that the kubelet has written down as prepared or about to be. */
  claims(): readonly unknown[] {
    const file = path.join(this.#t.lab.cluster.layout.kubeletRoot, 'dra_manager_state');
    if (!existsSync(file)) return [];
    const { Data } = JSON.parse(readFileSync(file, 'utf8')) as { Data: string };
    return (JSON.parse(Data) as { ClaimInfoStateList: unknown[] | null }).ClaimInfoStateList ?? [];
  }

  /** With all plug-ins there: every Pod becomes Ready, unless it was refused before it had anything. */
  async settle(): Promise<void> {
    const open = async (): Promise<string[]> => {
      this.look();
      await this.#forgetRefused();
      const waiting = [...this.#living.keys()].filter((name) => condition(this.#now(name), 'Ready') !== 'True');
      return waiting.map((name) => `${name}: ${describePod(this.#now(name))}`);
    };
    let left: string[] = [];
    await waitFor('the Pods with devices and claims to settle', { timeout: patience }, async () => {
      left = await open();
      return left.length === 0;
    }).catch(async (error: Error) => {
      const names = left.map((line) => line.split(':')[0] ?? '');
      const whys = await Promise.all(names.map((name) => this.#t.lab.why(this.#t.namespace, name)));
      const said = whys.map((why) => why?.reasons.map(({ sentence }) => sentence).join(' | '));
      throw new Error(`${error.message}:\n  ${left.map((line, i) => `${line}\n    why: ${said[i]}`).join('\n  ')}`);
    });
  }

  /** Deletes all; nothing is lost: what they had is free again. */
  async end(): Promise<void> {
    for (const name of [...this.#living.keys()]) await this.#delete(name);
    for (const one of this.#deleted) await untilGone(this.#t, one);
    const free = () => this.entries().length === 0 && this.claims().length === 0;
    await waitFor('all devices and claims to be given back', { timeout: patience }, free);
  }

  #now(name: string): Pod | undefined {
    return this.#t.lab.pods.get(this.#t.namespace, name);
  }

  async #create(kind: Kind): Promise<void> {
    const name = `${kind}-${++this.#created}`;
    const resources = kind === 'device' ? { limits: { [SAMPLE_RESOURCE]: '1' } } : { claims: [{ name: 'device' }] };
    const main = once('main', kind === 'device' ? withDevice : withClaim, { resources } as Partial<Container>);
    const claims = { resourceClaims: [{ name: 'device', resourceClaimTemplateName: this.#template }] };
    const spec = onceSpec(this.#t, { nodeName: undefined, restartPolicy: 'Never', containers: [main] });
    const made = await create(this.#t, pod(this.#t, name, { ...spec, ...(kind === 'claim' && claims) }));
    this.#living.set(name, { kind, pod: made });
  }

  async #delete(name: string): Promise<void> {
    const known = this.#living.get(name);
    if (!known) return;
    this.#living.delete(name);
    this.#deleted.push(known.pod);
    await remove(this.#t, name);
  }

  /** A Pod with a claim never fails; one without devices may be refused, as by the Go kubelet, while its plug-in is away. */
  async #forgetRefused(): Promise<void> {
    for (const [name, { kind }] of [...this.#living]) {
      const now = this.#now(name);
      if (now?.status?.phase !== 'Failed') continue;
      const told = `Pod ${name} failed: ${describePod(now)}`;
      assert.ok(kind === 'device' && !this.#given.has(now.metadata?.uid ?? ''), told);
      assert.equal(now.status.reason, 'UnexpectedAdmissionError', told);
      this.#refused += 1;
      await this.#delete(name);
    }
  }
}
