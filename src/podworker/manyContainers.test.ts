import { podViews } from '../pods/rules/views.ts';
import type { Pod } from '../types/k8s.ts';
import { decide } from './rules/decide.ts';
import type { PodFacts } from './rules/facts.ts';
import { stopOrder } from './rules/stop.ts';
import { active, box, factsOf, images, later, prepared, runtime, sandbox } from './rules/testing.ts';
import type { Turn } from './rules/turn.ts';

const sidecars = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ name: `c${i}`, image: 'img', restartPolicy: 'Always' as const }));

/**
 * The API bounds a Pod's size, not its containers: 6,000 fit. What a turn does for each container it must not do for each pair of them, for
 * all Pods share the event loop. Looks at all containers' names are counted, which no machine's speed changes.
 */
function looksOf(count: number, running: boolean, more: Partial<PodFacts> = {}): number {
  let looks = 0;
  const names = Array.from({ length: count }, (_, i) => `c${i}`);
  const counted = <T extends object>(item: T): T =>
    new Proxy(item, {
      get(target, key) {
        looks += 1;
        return Reflect.get(target, key);
      },
    });
  const mains = names.slice(count / 2).map((name) => ({ name, image: 'img' }));
  const pod: Pod = {
    metadata: { uid: 'u', name: 'p', namespace: 'ns' },
    spec: { initContainers: sidecars(count / 2).map(counted), containers: mains.map(counted) },
  };
  const seen = running ? names.map((name, i) => counted(box(name, 'running', { id: `id${i}` }))) : [];
  const facts = factsOf(pod, {
    runtime: runtime(seen, [sandbox()]),
    slots: { ...prepared, ...images(0, ...names) },
    ...more,
  });
  looks = 0;
  let memory = active;
  for (const at of [later(0), later(1)]) {
    const d = decide(facts, memory, at);
    expect(d.reasons.filter((r) => r.code === 'InternalError')).toEqual([]);
    memory = d.memory;
  }
  return looks;
}

test('who is stopped after whom is found in one pass, not by a search for each sidecar', () => {
  const lookups = (count: number) => {
    const spec = { containers: [], initContainers: sidecars(count) };
    const turn = { facts: factsOf({ metadata: {}, spec }, {}) } as never as Turn;
    const views = podViews(turn.facts, turn.facts.pod as never).all;
    const alive = views.map(({ name }) => box(name, 'running'));
    const searched = jest.spyOn(Map.prototype, 'get');
    try {
      const after = stopOrder(turn, views, alive);
      for (const view of views) after(view);
      expect(after(views[count - 10])).toEqual(views.slice(count - 9, count - 1).map(({ name }) => name));
      return searched.mock.calls.length;
    } finally {
      searched.mockRestore();
    }
  };
  expect(lookups(2_000) / lookups(200)).toBeLessThan(15);
});

test.each([
  ['containers that run', true, {}],
  ['containers that are still to be made', false, {}],
  ['a Pod that is being ended', true, { terminate: [{ cause: 'evicted', graceSeconds: 30 }] }],
] as const)(
  'the cost of a turn grows with the number of containers, not with its square: %s',
  (_what, running, more) => {
    const [few, many] = [looksOf(200, running, more), looksOf(2_000, running, more)];
    expect(few).toBeGreaterThan(200);
    expect(many / few).toBeLessThan(15); // ten times as many containers
  },
);
