import { FollowRoom } from './followRoom.ts';

const limits = { ofPod: 4, first: 1, ofNode: 2 };

test('an object that several follow takes one place; beyond the node’s places only the first objects of a Pod are followed', () => {
  const room = new FollowRoom(limits);
  const taken = ['a', 'b', 'a'].map((key, i) => room.take(key, i));
  expect(taken.map(({ refused }) => refused)).toEqual([undefined, undefined, undefined]);
  expect(room.take('c', 0).refused).toBeUndefined();
  const refused = room.take('d', 1);
  expect(refused.refused).toBe(
    '2 objects of the API are followed for the Pods of this node; it waits until one is let go',
  );
  expect(room.take('b', 3).refused).toBeUndefined();
  expect({ followed: room.followed, refused: room.refused }).toEqual({ followed: 3, refused: 1 });
  refused[Symbol.dispose]();
  expect(room.refused).toBe(0);
});

test('a Pod has an end of its own, whatever room there is', () => {
  const room = new FollowRoom({ ...limits, ofNode: 100 });
  expect(room.take('a', 3).refused).toBeUndefined();
  expect(room.take('b', 4).refused).toBe('the Pod refers to more than 4 objects of the API');
});

test('who was refused hears when an object is let go, once for several; with nobody waiting nobody is told', async () => {
  const room = new FollowRoom(limits);
  let told = 0;
  room.onRoom(() => {
    told += 1;
  });
  const places = ['a', 'b', 'c'].map((key) => room.take(key, 0));
  places.pop()?.[Symbol.dispose]();
  await Promise.resolve();
  expect(told).toBe(0);
  room.take('d', 2);
  for (const place of places) place[Symbol.dispose]();
  expect(told).toBe(0);
  await Promise.resolve();
  expect(told).toBe(1);
});
