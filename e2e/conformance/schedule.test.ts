import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Spec } from './lists.ts';
import { knownLists, parseList, readList, select, selections, suiteOf } from './lists.ts';
import { processFlags } from './processFlags.ts';
import { batches, batchSize, fileBatches, groupOf, runsAlone } from './schedule.ts';

const lists = join(process.cwd(), 'e2e/conformance/lists');
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

  test('60 of the specs with a CSI driver that mounts touch every suite that has any', () => {
    const isOfDriver = ({ name }: { name: string }) => name.includes('[Driver: csi-hostpath]');
    const all = readList('storage').filter(isOfDriver);
    const chosen = readList('csi-hostpath');
    expect(chosen.filter((spec) => !all.some(({ name }) => name === spec.name))).toEqual([]);
    expect(chosen).toHaveLength(60);
    const touched = new Set(chosen.map(({ file }) => file));
    const left = new Set(all.map(({ file }) => file).filter((file) => !touched.has(file)));
    expect([...left].map((file) => file.replace(/.*\/|\.go/g, '')).sort()).toEqual([
      'pvcdeletionperf',
      'snapshot-metadata',
      'snapshottable_stress',
      'volume_group_snapshottable',
      'volumeperf',
    ]);
  });

  test('40 specs with local volumes are specs of the storage list', () => {
    const known = new Set(readList('storage').map(({ name }) => name));
    const chosen = readList('local');
    expect(chosen).toHaveLength(40);
    expect(chosen.filter(({ name }) => !known.has(name) || !name.includes('[Driver: local]'))).toEqual([]);
  });

  test('are all known to the page, and hold each spec once', () => {
    const files = readdirSync(lists).map((file) => file.replace('.tsv', ''));
    expect(files.sort()).toEqual([...Object.keys(knownLists), ...Object.keys(selections)].sort());
    const byName = new Map<string, string>();
    for (const name of files) {
      const names = readList(name).map((spec) => spec.name);
      expect(new Set(names).size).toBe(names.length);
      // One result stands for a spec in every list, so its file has to be the same.
      for (const { name: spec, file } of readList(name)) {
        expect(byName.get(spec) ?? file).toBe(file);
        byName.set(spec, file);
      }
    }
  });

  test('conformance is whole', () => {
    const conformance = readList('conformance');
    expect(conformance).toHaveLength(446);
    expect(conformance.filter(({ name }) => !name.includes('[Conformance]'))).toEqual([]);
  });

  test('may be any file of such lines; the suite is found from the path', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'lists-')), 'mine');
    writeFileSync(file, '# a comment\ntest/e2e/a.go\tA\ntest/e2e_node/b.go\tB\n');
    expect(readList(file).map(suiteOf)).toEqual(['e2e', 'e2e_node']);
    expect(() => readList('no-such')).toThrow('--list no-such');
  });

  test.each([
    ['test/e2e/a.go\tb\nc', 'x.tsv:2: a line is'],
    ['test/integration/a.go\tb', 'x.tsv:1: no suite'],
  ])('a wrong line is named: %j', (text, said) => expect(() => parseList(text, 'x.tsv')).toThrow(said));

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

describe('batches for a suite that starts the kubelet itself', () => {
  const list = readList('e2e_node_more');
  const cut = fileBatches(list);

  test('hold every spec once, of one file each, alone', () => {
    expect(cut.flatMap((batch) => batch.specs).length).toBe(list.length);
    for (const { specs: mine, alone } of cut)
      expect([new Set(mine.map(({ file }) => file)).size, alone]).toEqual([1, true]);
  });

  test('keep apart what needs other flags of its process', () => {
    for (const { specs: mine } of cut) expect(new Set(mine.map((spec) => processFlags(spec).join(' '))).size).toBe(1);
    const flagsOf = (name: string) => processFlags({ file: 'test/e2e_node/a.go', name });
    expect(flagsOf('a [FeatureGate:X] [Beta] b')).toEqual([]);
    expect(flagsOf('[FeatureGate:X] [Alpha] [Feature:CriProxy] [FeatureGate:Y] [Alpha]')).toEqual([
      '--cri-proxy-enabled',
      '--feature-gates=X=true,Y=true',
    ]);
  });
});
