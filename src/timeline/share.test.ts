import { Random } from '../lib/fake/random.ts';
import { Sharer } from './share.ts';

const keys = ['a', 'b', 'c', '0', '__proto__', 'toString', ''];

function tree(random: Random, depth: number): unknown {
  const kind = depth === 0 ? random.int(5) : random.int(8);
  if (kind === 0) return random.pick<unknown>(null, undefined, true, false, 0, -0, 1.5);
  if (kind < 4) return random.pick('', 'x', 'y'.repeat(100), 'ü'.repeat(80), 'z'.repeat(2000));
  if (kind === 4) return random.int(3);
  if (kind < 6) return Array.from({ length: random.int(4) }, () => tree(random, depth - 1));
  const made = Object.create(null) as Record<string, unknown>;
  for (let i = random.int(4); i >= 0; i--) made[random.pick(...keys)] = tree(random, depth - 1);
  return Object.defineProperties({}, Object.getOwnPropertyDescriptors(made));
}

/** The same value in other objects, some parts of it changed. */
function changed(random: Random, value: unknown): unknown {
  if (random.chance(0.05)) return tree(random, 2);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((part) => changed(random, part));
  const parts = Object.entries(value).map(([key, part]) => [key, changed(random, part)]);
  return Object.fromEntries(random.chance(0.05) ? parts.reverse() : parts);
}

const text = (value: unknown) =>
  JSON.stringify(value, (_key, part) => (part === undefined ? 'UNDEFINED' : Object.is(part, -0) ? 'MINUS' : part));

test('a shared value says what it said, keys in order, and weighs what it weighs alone', () => {
  const random = new Random(3);
  for (let run = 0; run < 300; run++) {
    const sharer = new Sharer();
    let before: unknown = tree(random, 4);
    for (let i = 0; i < 10; i++) {
      const after = changed(random, before);
      const said = text(after);
      const { value, added, full } = sharer.share(before, after);
      expect(text(value)).toBe(said);
      expect(text(after)).toBe(said);
      expect(full).toBe(new Sharer().share(undefined, structuredClone(after)).full);
      expect(added).toBeLessThanOrEqual(full);
      expect(added === 0).toBe(Object.is(value, before) || full === 0);
      // What was shared once is found again.
      expect(sharer.share(value, after).value).toBe(value);
      before = value;
    }
  }
});

test('a long text that stays is one copy, whatever changes beside it', () => {
  const sharer = new Sharer();
  const made = (tick: number) => JSON.parse(`{"big":"${'x'.repeat(100_000)}","tick":${tick}}`) as object;
  const first = sharer.share(undefined, made(1));
  const second = sharer.share(first.value, made(2));
  expect(second.value).toEqual(made(2));
  expect([second.added < 1000, second.full > 100_000]).toEqual([true, true]);
});

test('what is no tree, or nested without end, is left as it is', () => {
  const sharer = new Sharer();
  const map = new Map([[1, 2]]);
  expect(sharer.share({ a: new Map() }, { a: map }).value.a).toBe(map);
  let deep: unknown = {};
  for (let i = 0; i < 20_000; i++) deep = { deep };
  expect(sharer.share(deep, deep).full).toBeLessThan(1e6);
  expect(sharer.share({ a: 1 }, { a: deep }).value.a).toEqual(expect.anything());
});
