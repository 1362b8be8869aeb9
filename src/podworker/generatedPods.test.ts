import { readManifest } from '../api/manifests/readManifest.ts';
import { Random } from '../lib/fake/random.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import type { Container, Pod } from '../types/k8s.ts';
import { hostilePod, ODD_NUMBERS } from './fake/sim/hostilePod.ts';
import { decide } from './rules/decide.ts';
import type { PodFacts, PodSlot } from './rules/facts.ts';
import { freshMemory } from './rules/memory.ts';
import { active, box, ended, factsOf, images, later, now, prepared, runtime, sandbox } from './rules/testing.ts';
import { containerConfig } from './spec/containerConfig.ts';
import { resolveEnv } from './spec/env.ts';
import { CONTAINER_CONTEXT, LOOKUPS, SANDBOX_CONTEXT } from './spec/fixtures.ts';
import { sandboxConfig } from './spec/sandboxConfig.ts';

/** GENERATED_PODS=10000 is the whole exercise. */
const COUNT = Number(process.env.GENERATED_PODS ?? 1_000);

/** Anything that the runtime and the slots may show for it. */
function randomFacts(random: Random, pod: Pod): Partial<PodFacts> {
  const names = [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers].map((c) => c.name);
  const states = ['created', 'running', 'exited', 'unknown'] as const;
  const containers = [...names, 'foreign'].flatMap((name, i) =>
    random.chance(0.5) ? [] : [box(name, random.pick(...states), { id: `c${i}`, exitCode: random.pick(0, 1, 42, -5) })],
  );
  const slots: Record<string, PodSlot> = random.chance(0.8) ? { ...prepared, ...images(0, ...names) } : {};
  const slot = `container/${names[0]}`;
  const start = { kind: 'startContainer', slot, container: names[0] ?? '', containerId: 'c0' } as const;
  if (random.chance(0.3)) slots[slot] = ended(start, random.pick({}, { settled: false }));
  const volumes = Object.fromEntries(
    (pod.spec!.volumes ?? []).map((v) => [v.name, { hostPath: '/v', digest: '', objects: '' }]),
  );
  return {
    runtime: runtime(
      containers,
      random.pick([], [sandbox()], [sandbox({ ready: false })], [sandbox({ id: 's1', attempt: 1 }), sandbox()]),
    ),
    slots,
    volumes: random.chance(0.8) ? volumes : {},
    terminate: random.chance(0.1) ? [{ cause: 'evicted', graceSeconds: random.pick(...ODD_NUMBERS) }] : [],
    gone: random.chance(0.1),
    probes: { m0: { containerId: 'c0', started: true, ready: false, failed: 'liveness' } },
  };
}

function decideAll(random: Random, pod: Pod): string[] {
  const facts = factsOf(pod, randomFacts(random, pod));
  const first = decide(facts, random.pick(active, freshMemory()), now);
  const second = decide({ ...facts, slots: {} }, first.memory, later(random.pick(1, 700)));
  const problems: string[] = [];
  for (const d of [first, second]) {
    if (new Set(d.start.map((a) => a.slot)).size !== d.start.length) problems.push('two actions in one slot');
    const ready = d.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
    if (!ready && !d.done && d.reasons.length === 0) problems.push('not Ready without a reason');
    for (const r of d.reasons) if (r.code === 'InternalError') problems.push(`thrown: ${r.message}`);
    if (d.wakeAt !== null && !(d.wakeAt > now.mono)) problems.push(`wakes at ${d.wakeAt}`);
    JSON.stringify(d);
  }
  return problems;
}

/** Makes the requests to the runtime; a refusal must be one clear sentence. */
function build(pod: Pod): string[] {
  const problems: string[] = [];
  const attempt = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      const { name, message } = error as Error;
      if (/^(Type|Range|Reference|Syntax)Error$/.test(name) || message === '' || /undefined|\[object/.test(message))
        problems.push(`${name}: ${message} ${(error as Error).stack?.split('\n').slice(1, 4).join(' ')}`);
    }
  };
  const allocated = allocatedAsAsked(pod);
  attempt(() => sandboxConfig(allocated, SANDBOX_CONTEXT));
  for (const c of [...(pod.spec!.initContainers ?? []), ...pod.spec!.containers] as Container[]) {
    attempt(() => {
      const resolved = resolveEnv(pod, c, LOOKUPS);
      containerConfig(allocated, c, { ...CONTAINER_CONTEXT, env: 'env' in resolved ? resolved.env : [] });
    });
  }
  return problems;
}

test(`${COUNT} generated Pods, sensible and not: the rules never throw, the builders refuse in a sentence`, () => {
  const counts = { accepted: 0, refused: 0 };
  const found: string[] = [];
  for (let seed = 0; seed < COUNT; seed++) {
    const random = new Random(seed);
    const raw = hostilePod(random);
    let pod = raw;
    // Manifests are the slow tenth: api/manifests has its own tests of what it refuses.
    if (seed % 10 === 0) {
      const text = JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p', namespace: 'ns' },
        spec: raw.spec,
      });
      const origin = { source: 'file', location: '/m.yaml', nodeName: 'n' } as const;
      const { pods, problems } = readManifest(text, origin, { standalone: true, preventApiReferences: true });
      counts[pods.length > 0 ? 'accepted' : 'refused']++;
      if (pods.length + problems.length === 0) found.push(`seed ${seed}: neither a Pod nor a problem`);
      if (!pods[0]) continue;
      pod = pods[0];
    }
    try {
      found.push(...[...decideAll(random, pod), ...build(pod)].map((problem) => `seed ${seed}: ${problem}`));
    } catch (error) {
      found.push(`seed ${seed}: ${(error as Error).stack?.split('\n').slice(0, 3).join(' ')}`);
    }
  }
  expect(found.slice(0, 20)).toEqual([]);
  // Both outcomes are reached, or this test shows nothing.
  expect(counts.accepted).toBeGreaterThan(COUNT / 100);
  expect(counts.refused).toBeGreaterThan(COUNT / 100);
});
