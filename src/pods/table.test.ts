import { PodTable } from './table.ts';
import { TestOwner } from './testing/owner.ts';

test('news and requests reach the Pod that they are about, and nobody when it is gone', () => {
  const table = new PodTable();
  const [a, b] = [new TestOwner(table, { uid: 'a' }), new TestOwner(table, { uid: 'b' })];
  const news = { kind: 'statusProblem', message: 'refused' } as const;
  expect(table.learn('a', news)).toBe(true);
  expect(table.end('a', { cause: 'evicted' })).toBe(true);
  expect([a.learned, a.ends, b.learned, b.ends]).toEqual([[news], [{ cause: 'evicted' }], [], []]);
  table.leave('a');
  expect(table.learn('a', news)).toBe(false);
  expect(table.end('a', { cause: 'evicted' })).toBe(false);
  expect(table.all().map((e) => e.uid)).toEqual(['b']);
});

test('a fact of the whole node wakes every Pod', () => {
  const table = new PodTable();
  const owners = ['a', 'b'].map((uid) => new TestOwner(table, { uid }));
  table.wakeAll();
  expect(owners.map((o) => o.wakes)).toEqual([1, 1]);
});

test('listeners hear each decision with the entry as it is after it, and the end once', () => {
  const table = new PodTable();
  const heard: string[] = [];
  table.onDecided(({ uid, phase }) => heard.push(`${uid} ${phase}`));
  table.onEnded((uid) => heard.push(`${uid} ended`));
  const owner = new TestOwner(table, { uid: 'a' });
  owner.decide({ phase: 'Terminating' });
  table.leave('a');
  table.leave('a');
  owner.decide(); // a turn that was queued before the end
  expect(heard).toEqual(['a Terminating', 'a ended']);
});

test('who waits for one Pod hears only of that one, until the wait is disposed', () => {
  const table = new PodTable();
  const [a, b] = [new TestOwner(table, { uid: 'a' }), new TestOwner(table, { uid: 'b' })];
  let heard = 0;
  const waiting = table.onChange('a', () => heard++);
  b.decide();
  expect(heard).toBe(0);
  a.decide();
  expect(heard).toBe(1);
  waiting[Symbol.dispose]();
  a.decide();
  expect(heard).toBe(1);
});

test('the decision of a Pod of an earlier life is not taken for that of its successor', () => {
  const table = new PodTable();
  const first = new TestOwner(table, { uid: 'a' });
  table.leave('a');
  new TestOwner(table, { uid: 'a', name: 'second' });
  const heard: string[] = [];
  table.onDecided(({ name }) => heard.push(name));
  first.decide();
  expect(heard).toEqual([]);
});
