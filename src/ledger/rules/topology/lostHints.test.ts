import type { Hint, Hints } from './hints.ts';
import { lostHints } from './lostHints.ts';
import type { TopologyPolicy } from './policies.ts';

const policy: TopologyPolicy = { name: 'single-numa-node', allNodes: 0b11, distances: null };
const hint = (nodes: number, preferred = true): Hint => ({ nodes, preferred });
const lost = (...providers: Hints[]) => lostHints(policy, providers, 'container main');

test('two resources that are best on different nodes: either of them is to blame', () => {
  expect(lost({ 'v.example/gpu': [hint(1)] }, { cpu: [hint(2), hint(3, false)] }, null)).toBe(
    'container main: v.example/gpu best from NUMA nodes 0, cpu best from NUMA nodes 1; without v.example/gpu or cpu it would be admitted',
  );
});

test('a resource that can come from nowhere', () => {
  expect(lost({ cpu: [] }, { memory: [hint(1), hint(2)] })).toBe(
    'container main: cpu from nowhere, memory best from NUMA nodes 0 or 1; without cpu it would be admitted',
  );
});

test('a resource that would lie on more nodes than it needs; one that may come from anywhere is not named', () => {
  expect(lost({ cpu: [hint(3, false)], 'v.example/gpu': null })).toBe(
    'container main: cpu only from NUMA nodes 0-1, more than it would need; without cpu it would be admitted',
  );
});

test('no resource alone is to blame: of many sets of nodes the first are named', () => {
  const many = Array.from({ length: 6 }, () => hint(3, false));
  expect(lost({ cpu: many }, { memory: [] })).toBe(
    'container main: cpu only from NUMA nodes 0-1 or 0-1 or 0-1 or 0-1 or others, more than it would need, memory from nowhere',
  );
});

test('of many resources the text is cut, and none is blamed', () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`v.example/gpu-${i}`, [hint((i % 2) + 1)]]));
  const text = lost(many);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1024);
  expect(text).not.toContain('without');
});
