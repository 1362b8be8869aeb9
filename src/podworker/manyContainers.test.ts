import type { Pod } from '../types/k8s.ts';
import { decide } from './rules/decide.ts';
import type { PodFacts } from './rules/facts.ts';
import { active, box, factsOf, images, later, prepared, runtime, sandbox } from './rules/testing.ts';

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
  const sidecars = names.slice(0, count / 2).map((name) => ({ name, image: 'img', restartPolicy: 'Always' as const }));
  const mains = names.slice(count / 2).map((name) => ({ name, image: 'img' }));
  const pod: Pod = {
    metadata: { uid: 'u', name: 'p', namespace: 'ns' },
    spec: { initContainers: sidecars.map(counted), containers: mains.map(counted) },
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
