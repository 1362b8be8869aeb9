import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readManifest } from './readManifest.ts';

// What ValidatePodCreate of Kubernetes 1.36.3 said about one Pod with one value changed (null: removed), recorded from its own code.
interface Recorded {
  readonly base: object;
  readonly changes: readonly (readonly [(string | number)[], unknown, string[]])[];
}
const file = join(process.cwd(), 'src/api/manifests/testdata/upstream.json');
const { base, changes } = JSON.parse(readFileSync(file, 'utf8')) as Recorded;
const rules = { standalone: true, preventApiReferences: false };
const origin = { source: 'file', location: '/m', nodeName: 'n' } as const;

function changed(path: readonly (string | number)[], value: unknown): string {
  const object = structuredClone(base);
  let at = object as Record<string | number, unknown>;
  for (const part of path.slice(0, -1)) at = at[part] as typeof at;
  if (value === null) delete at[path.at(-1)!];
  else at[path.at(-1)!] = value;
  return JSON.stringify(object);
}

const sentences = (text: string) =>
  readManifest(text, origin, rules).problems.map(({ sentence }) => sentence.replace(/^\/m:\d+: Pod ".*?": /, ''));

test('the Pod that is changed is a good one', () => {
  expect(sentences(JSON.stringify(base))).toEqual([]);
});

test.each(changes)('%j = %j', (path, value, expected) => {
  expect(sentences(changed(path, value)).sort()).toEqual([...expected].sort());
});
