// What others see of Pods while their agent is killed, restarted or replaced: nothing.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../../hack/cluster/state.ts';
import type { ContainerStatus, Pod } from '../../src/types/k8s.ts';
import { Api } from './api.ts';
import { Collection } from './collection.ts';
import { statuses } from './pods.ts';
import type { TestContext } from './test.ts';

const nameOf = ({ metadata }: Pod): string => `${metadata?.namespace}/${metadata?.name}`;
const uidOf = ({ metadata }: Pod): string => metadata?.uid ?? '';
const versionOf = ({ metadata }: Pod): bigint => BigInt(metadata?.resourceVersion ?? 0);
const readyOf = (pod: Pod) => pod.status?.conditions?.find((c) => c.type === 'Ready');

/** What Services, budgets and rollouts go by: Ready and since when; of each container its id, started, ready and restarts. */
function seenOf(pod: Pod): string[] {
  const ready = readyOf(pod);
  return [
    `Ready ${ready?.status} since ${ready?.lastTransitionTime}`,
    ...statuses(pod).map(
      (c) => `${c.name} ${c.containerID} started=${c.started} ready=${c.ready} restarts=${c.restartCount}`,
    ),
  ];
}

/**
 * Pods as they are seen when this is made. `assert` looks at every version that the watch has brought since: one that passed
 * between two looks is found too, and what passed while the API server was away left another lastTransitionTime.
 */
export class Unnoticed {
  readonly #api: Api;
  readonly #pods: Collection<Pod>;
  readonly #before: readonly { readonly pod: Pod; readonly versions: number }[];

  constructor(api: Api, pods: Collection<Pod>, before: readonly Pod[]) {
    this.#api = api;
    this.#pods = pods;
    this.#before = before.map((pod) => ({ pod, versions: pods.history(uidOf(pod)).length }));
  }

  /** Pods of a test by name; each must be there. */
  static of(t: TestContext, names: readonly string[]): Unnoticed {
    const before = names.map((name) => {
      const found = t.lab.pods.get(t.namespace, name);
      assert.ok(found, `Pod ${name} is not there to be watched`);
      return found;
    });
    return new Unnoticed(t.lab.api, t.lab.pods, before);
  }

  /** The Pods as they were then: for `Lab.untilLookedAt`. */
  get pods(): Pod[] {
    return this.#before.map(({ pod }) => pod);
  }

  /** Fails when one of the Pods was seen otherwise; `what` says what must not be noticed. `mayLeave`: somebody may be deleting them. */
  async assert(what: string, { mayLeave = false } = {}): Promise<void> {
    for (const { pod, versions } of this.#before) {
      for (const { object, gone } of await this.#since(pod, versions)) {
        if (mayLeave && (gone || object.metadata?.deletionTimestamp)) break;
        assert.ok(!gone, `${what}: Pod ${nameOf(pod)} is gone`);
        assert.deepEqual(seenOf(object), seenOf(pod), `${what} is seen at Pod ${nameOf(pod)}`);
      }
    }
  }

  /** As `assert`, and nothing at all of the Pods was written. */
  async assertUnwritten(what: string): Promise<void> {
    await this.assert(what);
    for (const { pod, versions } of this.#before) {
      const later = (await this.#since(pod, versions)).map(({ object }) => object.status);
      assert.deepEqual(
        later,
        [],
        `${what}: Pod ${nameOf(pod)} was written to; its status was ${JSON.stringify(pod.status)}`,
      );
    }
  }

  /** The versions after the first ones, up to what the API server has now. */
  async #since(pod: Pod, versions: number) {
    const { namespace, name } = pod.metadata ?? {};
    const now = await this.#api.find<Pod>(`/api/v1/namespaces/${namespace}/pods/${name}`);
    const history = () => this.#pods.history(uidOf(pod));
    const isKnown = () => {
      const last = history().at(-1);
      if (!now || uidOf(now) !== uidOf(pod)) return last?.gone;
      return last !== undefined && versionOf(last.object) >= versionOf(now);
    };
    await this.#pods.until(`the watch to have come to the present of Pod ${nameOf(pod)}`, isKnown);
    return history().slice(versions);
  }
}

/** The Go kubelet believes the API's status only of containers that started 10 s before it (prober's restart grace period). */
const trustedAfterMs = 12_000;

/** Waits until the Go kubelet, started now, would believe what the API says of the Pods' containers. */
export async function untilOldEnough(t: TestContext, names: readonly string[]): Promise<void> {
  const started = names.flatMap((name) => {
    const found = t.lab.pods.get(t.namespace, name);
    return found ? statuses(found).map((c) => Date.parse(c.state?.running?.startedAt ?? '') || 0) : [];
  });
  await delay(Math.max(0, Math.max(0, ...started) + trustedAfterMs - Date.now()));
}

/** For scenarios without a Lab: does something to the agent while the Pods (default namespace) are watched; fails when it is seen. */
export async function unnoticed<T>(cluster: Cluster, names: readonly string[], act: () => Promise<T>): Promise<T> {
  await using api = new Api(cluster);
  await using pods = new Collection<Pod>(api, '/api/v1/namespaces/default/pods');
  const known = () => names.flatMap((name) => pods.get('default', name) ?? []);
  await pods.until(`the watch to know ${names.join(', ')}`, () => known().length === names.length);
  const before = new Unnoticed(api, pods, known());
  const result = await act();
  await before.assert('what was done to the agent');
  return result;
}

/**
 * Over the test's whole history, in every version that the watch brought: a container that was started or ready is so as long as it
 * runs, and a Ready Pod stays Ready until it ends or loses a container. For Pods whose probes never fail.
 */
export function assertNeverUnready(t: TestContext): void {
  for (const versions of t.lab.pods.histories(t.namespace)) {
    for (const [at, { object, gone }] of versions.entries()) {
      const before = versions[at - 1]?.object;
      if (before && !gone && !object.metadata?.deletionTimestamp) assertNoFallBack(before, object);
    }
  }
}

function assertNoFallBack(before: Pod, after: Pod): void {
  const running = (pod: Pod) => statuses(pod).filter((c) => c.state?.running);
  const same = (c: ContainerStatus) => running(after).find((later) => later.containerID === c.containerID);
  const change = `${JSON.stringify(seenOf(before))} → ${JSON.stringify(seenOf(after))}`;
  for (const c of running(before)) {
    const later = same(c);
    if (!later) continue;
    assert.ok(!c.started || later.started, `Pod ${nameOf(after)}: ${c.name} is no longer started: ${change}`);
    assert.ok(!c.ready || later.ready, `Pod ${nameOf(after)}: ${c.name} is no longer ready: ${change}`);
  }
  const [was, is] = [readyOf(before), readyOf(after)];
  if (was?.status !== 'True' || !running(before).every(same)) return;
  assert.deepEqual(
    [is?.status, is?.lastTransitionTime],
    ['True', was.lastTransitionTime],
    `Pod ${nameOf(after)}: ${change}`,
  );
}
