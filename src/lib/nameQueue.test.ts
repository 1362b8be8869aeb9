import { failure } from './fake/until.ts';
import { NameQueue } from './nameQueue.ts';

test('work for one name comes one after the other, also after a failure; another name waits for nobody', async () => {
  const queue = new NameQueue();
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const run = (name: string, what: string, end: Promise<void> = Promise.resolve()) =>
    queue.run(name, async () => {
      order.push(`${what} begins`);
      await end;
      order.push(`${what} ends`);
      return what;
    });
  const one = run('a', '1', first.promise);
  const two = run('a', '2');
  const three = run('a', '3');
  expect(await run('b', 'other')).toBe('other');
  expect(order).toEqual(['1 begins', 'other begins', 'other ends']);
  first.reject(new Error('as scripted'));
  expect(await failure(one)).toMatchObject({ message: 'as scripted' });
  expect(await Promise.all([two, three])).toEqual(['2', '3']);
  expect(order.slice(3)).toEqual(['2 begins', '2 ends', '3 begins', '3 ends']);
});
