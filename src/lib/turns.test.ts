import { Turns } from './turns.ts';

test('so many at a time, first come first served, and a failure gives its place back', async () => {
  const turns = new Turns(2);
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const work = (name: string) =>
    turns.take(() => {
      begun.push(name);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      ends.set(name, (error) => (error ? reject(error) : resolve()));
      return promise;
    });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(work);
  expect(begun).toEqual(['a', 'b']);
  ends.get('a')!(new Error('no'));
  await expect(a).rejects.toThrow('no');
  while (begun.length < 3) await Promise.resolve();
  expect(begun).toEqual(['a', 'b', 'c']);
  ends.get('b')!();
  await b;
  while (begun.length < 4) await Promise.resolve();
  ends.get('c')!();
  ends.get('d')!();
  await Promise.all([c, d]);
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
});
