import type { Spec } from './lists.ts';
import { parseList, readList, select, suiteOf } from './lists.ts';
import { batches, batchSize, groupOf, runsAlone } from './schedule.ts';

const specs = [...readList('e2e'), ...readList('e2e_node')];

describe('lists', () => {
  test('hold 193 and 111 specs, each once', () => {
    expect([readList('e2e').length, readList('e2e_node').length]).toEqual([193, 111]);
    expect(new Set(specs.map(({ name }) => name)).size).toBe(304);
  });

  test('CI runs a part of them that touches every file', () => {
    const known = new Set(specs.map(({ name }) => name));
    const chosen = readList('ci');
    expect(chosen.filter(({ name }) => !known.has(name))).toEqual([]);
    expect(chosen.filter(runsAlone).length).toBeLessThan(5);
  });

  test('a malformed line is named', () => expect(() => parseList('a\tb\nc', 'x.tsv')).toThrow('x.tsv:2'));

  test('select by parts of the path and by name', () => {
    const some = select(specs, { files: ['node_lease'], name: /infrequently/ });
    expect(some).toHaveLength(1);
    expect(select(specs, {})).toHaveLength(304);
  });
});

describe('batches', () => {
  test.each([1, 3, 8])('of at most %d hold every spec once, one suite each, those alone at the end', (size) => {
    const list = batches(specs, size);
    const names = list.flatMap((batch) => batch.specs.map(({ name }) => name));
    expect(names.sort()).toEqual(specs.map(({ name }) => name).sort());
    for (const batch of list) {
      expect(
        batch.specs.every(
          (spec: Spec) =>
            suiteOf(spec) === batch.suite && (batch.group !== undefined || runsAlone(spec) === batch.alone),
        ),
      ).toBe(true);
      if (!batch.alone && batch.group === undefined) expect(batch.specs.length).toBeLessThanOrEqual(size);
    }
    const firstAlone = list.findIndex(({ alone }) => alone);
    expect(list.slice(firstAlone).every(({ alone }) => alone)).toBe(true);
  });

  test('an ordered group is one batch, whatever the size', () => {
    const list = batches(specs, 1);
    for (const spec of specs.filter((one) => groupOf(one) !== undefined)) {
      const batch = list.find((one) => one.specs.includes(spec));
      expect(batch?.group).toBe(groupOf(spec));
      expect(batch?.specs).toEqual(specs.filter((one) => groupOf(one) === groupOf(spec)));
    }
    expect(list.filter(({ group }) => group !== undefined)).toHaveLength(20);
  });

  test('are small for few specs, and never large', () => {
    expect(batchSize(1, 4)).toBe(1);
    expect(batchSize(300, 4)).toBe(8);
  });
});
