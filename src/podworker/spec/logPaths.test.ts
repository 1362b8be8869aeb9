import { podLogDirectory } from './logPaths.ts';

test('a log directory is one name below the root, or none', () => {
  const of = (name: string, namespace: string, uid: string) =>
    podLogDirectory('/l', { metadata: { name, namespace, uid } });
  expect(of('p', 'ns', 'u')).toBe('/l/ns_p_u');
  expect(of('..', '..', '..')).toBe('/l/.._.._..');
  for (const bad of ['../../etc', 'a/b', '/', 'a\0b']) {
    for (const names of [
      [bad, 'ns', 'u'],
      ['p', bad, 'u'],
      ['p', 'ns', bad],
    ] as [string, string, string][])
      expect(() => of(...names)).toThrow('cannot be the name of a log directory');
  }
});
