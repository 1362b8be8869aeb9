import { RequestQueue } from './requestQueue.ts';

const pod = (uid: string) => ({ metadata: { uid, name: uid, namespace: 'ns' }, spec: { containers: [] } }) as never;
const asks = (queue: RequestQueue, uid: string, createdAt: number, hasRunningContainers = false) => {
  const verdict = queue.ask(pod(uid), { createdAt, hasRunningContainers });
  verdict.catch(() => {});
  return verdict;
};
const served = (queue: RequestQueue, closed = false) => {
  const order: string[] = [];
  for (let next = queue.next(closed); next; next = queue.next(closed)) {
    order.push(next.pod.metadata.uid);
    queue.take(next.pod.metadata.uid);
  }
  return order;
};

test('Pods that run come first, then the oldest; a closed ledger serves only the first', () => {
  const queue = new RequestQueue();
  asks(queue, 'young', 3);
  asks(queue, 'old', 1);
  asks(queue, 'runs', 5, true);
  expect(served(queue, true)).toEqual(['runs']);
  expect(served(queue)).toEqual(['old', 'young']);
});

test('one that is held is passed over until the held are freed; a new request of its Pod is not held', async () => {
  const queue = new RequestQueue();
  asks(queue, 'a', 1);
  const superseded = asks(queue, 'b', 2);
  queue.hold('a');
  queue.hold('b');
  expect(queue.next(false)).toBeUndefined();
  asks(queue, 'b', 2);
  await expect(superseded).rejects.toMatchObject({ code: 'Superseded' });
  expect(queue.next(false)?.pod.metadata.uid).toBe('b');
  expect([queue.freeHeld(), queue.freeHeld()]).toEqual([true, false]);
  expect(queue.next(false)?.pod.metadata.uid).toBe('a');
});

test('a request that is given up is not open any more', async () => {
  const queue = new RequestQueue();
  const verdict = asks(queue, 'a', 1);
  const request = queue.next(false)!;
  expect([queue.isOpen(request), queue.has('a'), queue.size]).toEqual([true, true, 1]);
  queue.drop('a', 'Released');
  await expect(verdict).rejects.toMatchObject({ code: 'Released' });
  expect([queue.isOpen(request), queue.has('a'), queue.size]).toEqual([false, false, 0]);
});
