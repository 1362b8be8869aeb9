import { threadCpuMs } from '../../lib/fake/cpuTime.ts';
import { parseYaml } from '../../lib/yaml.ts';
import { SHAPES } from './generated/shapes.ts';
import { readManifest } from './readManifest.ts';

const origin = { source: 'file', location: '/m.yaml', nodeName: 'n' } as const;
const rules = { standalone: true, preventApiReferences: true };
const COUNT = 2000;

/** A small seeded generator: a failure names its seed. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ODD: readonly unknown[] = [
  null,
  '',
  'x',
  '../../etc/passwd',
  '\u0000',
  'é'.repeat(300),
  -1,
  0,
  1.5,
  65536,
  2 ** 31,
  2 ** 53,
  1e308,
  true,
  [],
  {},
  [null],
  [[[]]],
  { __proto__: null, constructor: 1, toString: 'x' },
  '1e999999999',
  '9'.repeat(500),
  'NaN',
];

/** A value for a type of the shapes: mostly fitting, sometimes odd, never deep. */
function value(type: string, next: () => number, depth: number): unknown {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!;
  if (next() < 0.06) return pick(ODD);
  if (type.startsWith('[]'))
    return Array.from({ length: Math.floor(next() * 3) }, () => value(type.slice(2), next, depth));
  if (type.startsWith('{}'))
    return { [pick(['cpu', 'a', 'a.b/c', '__proto__', 'memory'])]: value(type.slice(2), next, depth) };
  if (type === 'int32' || type === 'int64') return pick([0, 1, 80, 1000, 70000]);
  if (type === 'boolean') return next() < 0.5;
  if (type === 'quantity') return pick(['1', 2, '100m', '1Gi', '0.5', '1e3', '-1', '1n']);
  if (type === 'intOrString') return pick([80, 'http', '80']);
  if (!(type in SHAPES)) return pick(['a', 'web', 'Always', 'v1', '/x', 'TCP', 'Local', 'b-c', 'Pod']);
  if (depth <= 0) return {};
  const fields = SHAPES[type]!.split(' ').filter(() => next() < 0.35);
  return Object.fromEntries(
    fields.map((field) => {
      const [name, inner] = field.split(':') as [string, string];
      return [name, value(inner, next, depth - 1)];
    }),
  );
}

function manifest(seed: number): string {
  const next = random(seed);
  const spec = value('PodSpec', next, 4);
  const metadata = next() < 0.8 ? { name: 'web' } : value('ObjectMeta', next, 2);
  const object = { apiVersion: 'v1', kind: next() < 0.9 ? 'Pod' : 'ConfigMap', metadata, spec };
  // JSON and YAML are read by different code: a comment makes the difference.
  const text = (seed % 2 === 0 ? '# YAML\n' : '') + JSON.stringify(object);
  const cut = next();
  // Some are cut off, some have bytes of another kind in them: what a half-written file looks like.
  if (cut < 0.1) return text.slice(0, Math.floor(text.length * next()));
  if (cut < 0.2) return text.replaceAll('"', () => (next() < 0.02 ? '\t:' : '"'));
  return text;
}

test(`${COUNT} generated and damaged manifests: Pods or clear sentences, never a throw`, () => {
  let good = 0;
  let bad = 0;
  for (let seed = 0; seed < COUNT; seed++) {
    const text = manifest(seed);
    const { pods, problems, objects } = readManifest(text, origin, rules);
    if (problems.length === 0) good += 1;
    else bad += 1;
    const summary = { seed, some: problems.length + pods.length + objects.length > 0 };
    expect(summary).toEqual({ seed, some: true });
    if (problems.length > 0) expect({ seed, pods }).toEqual({ seed, pods: [] });
    for (const { sentence } of problems) {
      expect(sentence).toMatch(/^\/m\.yaml(:\d+)?: \S/);
      expect(sentence).not.toMatch(/\n|undefined is not|Cannot read|\[object/);
      expect(sentence.length).toBeLessThan(900);
    }
  }
  // The generator must reach both outcomes, or this test shows nothing.
  expect(bad).toBeGreaterThan(COUNT / 2);
  expect(good).toBeGreaterThan(10);
});

test('changing any one field of a good Pod to an odd value never throws', () => {
  const base = () => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', labels: { a: 'b' } },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'i',
          ports: [{ containerPort: 1, hostPort: 1 }],
          env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          resources: { limits: { cpu: '1' } },
          livenessProbe: { httpGet: { port: 1, httpHeaders: [{ name: 'a', value: 'b' }] } },
          volumeMounts: [{ name: 'v', mountPath: '/x', subPath: 'a' }],
          securityContext: { runAsUser: 1, seccompProfile: { type: 'RuntimeDefault' } },
          lifecycle: { preStop: { sleep: { seconds: 1 } } },
        },
      ],
      volumes: [
        {
          name: 'v',
          projected: {
            sources: [{ downwardAPI: { items: [{ path: 'p', fieldRef: { fieldPath: 'metadata.name' } }] } }],
          },
        },
      ],
      tolerations: [{ key: 'a', operator: 'Exists' }],
      dnsConfig: { nameservers: ['1.1.1.1'], options: [{ name: 'x' }] },
      hostAliases: [{ ip: '1.1.1.1', hostnames: ['a'] }],
    },
  });
  expect(readManifest(JSON.stringify(base()), origin, rules).problems).toEqual([]);
  const visit = (node: unknown, change: (parent: Record<string, unknown>, key: string) => void): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      change(node as Record<string, unknown>, key);
      visit((node as Record<string, unknown>)[key], change);
    }
  };
  let tried = 0;
  for (const odd of ODD) {
    let index = 0;
    let total = 1;
    for (; index < total; index++) {
      const object = base();
      let at = 0;
      const places: (() => void)[] = [];
      visit(object, (parent, key) => {
        if (at++ === index) places.push(() => Object.assign(parent, { [key]: odd }));
      });
      total = at;
      for (const place of places) place();
      expect(() => readManifest(JSON.stringify(object), origin, rules)).not.toThrow();
      tried += 1;
    }
  }
  expect(tried).toBeGreaterThan(1000);
});

describe('YAML bombs are refused quickly with a sentence', () => {
  const laughs = (inner: (level: number) => string) =>
    ['l0: &l0 {a: x}', ...Array.from({ length: 12 }, (_, i) => inner(i))].join('\n');
  const tenOf = (level: number) => Array.from({ length: 10 }, () => `*l${level}`).join(', ');
  test.each([
    ['aliases', laughs((i) => `l${i + 1}: &l${i + 1} [${tenOf(i)}]`), /aliases expand to too many values/],
    ['merges', laughs((i) => `l${i + 1}: &l${i + 1} {<<: [${tenOf(i)}]}`), /aliases expand to too many values/],
    ['an alias in its own anchor', 'a: &a [*a]', /refers to nothing before it/],
    ['depth', '['.repeat(200_000), /nested too deeply|is not valid/],
    [
      'depth in blocks',
      Array.from({ length: 5000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      /nested too deeply|is not valid|must hold/,
    ],
    ['a key given twice', 'apiVersion: v1\nkind: Pod\nkind: Pod', /Map keys must be unique/],
    ['tags', 'a: !!js/function "x"', /must hold/],
    [
      'binary noise',
      Buffer.from(Array.from({ length: 999 }, (_, i) => (i * 7) % 256)).toString('latin1'),
      /is not valid|must hold/,
    ],
  ])('%s', (_what, text, expected) => {
    const start = threadCpuMs();
    const { problems } = readManifest(text, origin, rules);
    expect(problems.map((p) => p.sentence).join()).toMatch(expected);
    expect(threadCpuMs() - start).toBeLessThan(20_000);
  });
});

test('YAML is read as Kubernetes reads it: octal modes, words for booleans, no base 60, dates as text', () => {
  const [document] = parseYaml('mode: 0644\non: yes\nport: 80:80\ndate: 2026-01-31\ntilde: ~\nhex: 0x1f\nbig: 1_000');
  expect(document?.value).toEqual({
    mode: 420,
    true: true,
    port: '80:80',
    date: '2026-01-31',
    tilde: null,
    hex: 31,
    big: 1000,
  });
});
