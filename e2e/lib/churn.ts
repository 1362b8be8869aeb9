import assert from 'node:assert/strict';
import type { Pod, PodSpec } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import { once, onceSpec } from './once.ts';
import { condition, create, describePod, pod, remove } from './pods.ts';
import { between, pick, random } from './random.ts';
import type { TestContext } from './test.ts';

const stubborn = "trap '' TERM; while true; do sleep 0.5; done";

/** Pods of different kinds; all end within seconds of being asked. */
const kinds: Record<string, (t: TestContext) => Partial<PodSpec>> = {
  plain: (t) => onceSpec(t, { containers: [once('main')] }),
  two: (t) => onceSpec(t, { containers: [once('one'), once('two')] }),
  init: (t) =>
    onceSpec(t, { initContainers: [once('first', 'sleep 0.3'), once('second', 'true')], containers: [once('main')] }),
  sidecar: (t) =>
    onceSpec(t, { initContainers: [once('side', undefined, { restartPolicy: 'Always' })], containers: [once('main')] }),
  volumes: (t) =>
    onceSpec(t, {
      volumes: [
        { name: 'e', emptyDir: {} },
        { name: 'c', configMap: { name: 'kube-root-ca.crt' } },
      ],
      containers: [
        once('main', undefined, {
          volumeMounts: [
            { name: 'e', mountPath: '/e' },
            { name: 'c', mountPath: '/c' },
          ],
        }),
      ],
    }),
  hooked: (t) =>
    onceSpec(t, {
      containers: [once('main', undefined, { lifecycle: { preStop: { exec: { command: ['sleep', '0.5'] } } } })],
    }),
  stubborn: (t) => onceSpec(t, { terminationGracePeriodSeconds: 2, containers: [once('main', stubborn)] }),
  ends: (t) => onceSpec(t, { restartPolicy: 'Never', containers: [once('main', 'sleep 0.5')] }),
};

/** Pods that come and go at random, and what became of them. */
export class Churn {
  readonly #t: TestContext;
  readonly #living = new Map<string, { readonly kind: string; readonly uid: string }>();
  readonly #deleted: Pod[] = [];
  #count = 0;

  constructor(t: TestContext) {
    this.#t = t;
  }

  get created(): number {
    return this.#count;
  }

  /** One Pod of each kind. */
  async all(): Promise<void> {
    for (const kind of Object.keys(kinds)) await this.#create(kind);
  }

  /** Creates up to two Pods and deletes up to two; about `most` live at a time. */
  async step(most = 10): Promise<void> {
    for (let n = between(0, 2); n > 0 && this.#living.size < most; n--) await this.#create(pick(Object.keys(kinds)));
    const surplus = this.#living.size >= most ? 2 : between(0, 1);
    for (let n = surplus; n > 0 && this.#living.size > 0; n--) await this.#delete(pick([...this.#living.keys()]));
  }

  async #create(kind: string): Promise<void> {
    const name = `${kind}-${++this.#count}`;
    const spec = { terminationGracePeriodSeconds: 10, ...kinds[kind]?.(this.#t) };
    const made = await create(this.#t, pod(this.#t, name, spec));
    this.#living.set(name, { kind, uid: made.metadata?.uid ?? '' });
  }

  async #delete(name: string): Promise<void> {
    const known = this.#living.get(name);
    this.#living.delete(name);
    this.#deleted.push({ metadata: { name, uid: known?.uid } } as Pod);
    await remove(this.#t, name, random() < 0.1 ? { gracePeriodSeconds: 1 } : {});
  }

  /** Waits until every Pod that was not deleted is Ready or has ended well, and every deleted one is gone. */
  async settle(limit = patience): Promise<void> {
    const { lab, namespace } = this.#t;
    const open = (): string[] => {
      const living = [...this.#living].flatMap(([name, { kind, uid }]) => {
        const now = lab.pods.get(namespace, name);
        assert.equal(now?.metadata?.uid, uid, `Pod ${name} was lost`);
        const done = kind === 'ends' ? now?.status?.phase === 'Succeeded' : condition(now, 'Ready') === 'True';
        return done ? [] : [`${name}: ${describePod(now)}`];
      });
      const there = this.#deleted.filter(
        (d) => lab.pods.get(namespace, d.metadata?.name ?? '')?.metadata?.uid === d.metadata?.uid,
      );
      return [
        ...living,
        ...there.map(
          (d) =>
            `${d.metadata?.name} was deleted and is still there: ${describePod(lab.pods.get(namespace, d.metadata?.name ?? ''))}`,
        ),
      ];
    };
    // The watch is told of a creation a little later than its author.
    await lab.pods.until(
      'the created Pods to be known',
      () => [...this.#living.values()].every(({ uid }) => lab.pods.history(uid).length > 0),
      limit,
    );
    await lab.pods.until(
      'the Pods to settle',
      () => open().length === 0,
      limit,
      () => `\n  ${open().join('\n  ')}`,
    );
  }
}
