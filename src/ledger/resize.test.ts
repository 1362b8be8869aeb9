import { Random } from '../lib/fake/random.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import type { StoredPod } from '../types/k8s.ts';
import { type TestPod, testNode, testPod } from './fake/pods.ts';
import { Ledger } from './ledger.ts';
import type { LedgerOptions } from './options.ts';
import { takenBy } from './rules/room.ts';
import type { ResizeVerdict } from './types.ts';

const fresh = { hasRunningContainers: false, createdAt: 0 };
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(options: Partial<LedgerOptions> = {}) {
  const ledger = new Ledger({ node: testNode(), ...options });
  const later: string[] = [];
  ledger.onResize(({ metadata }, verdict, trigger) => later.push(`${metadata.uid} ${verdict.resize} ${trigger}`));
  const has = new Map<string, StoredPod>();
  const reserve = async (uid: string, pod: TestPod) => {
    has.set(uid, testPod(uid, pod));
    return ledger.reserve(testPod(uid, pod), fresh);
  };
  const resize = (uid: string, pod: TestPod, since = 0): Promise<ResizeVerdict> =>
    ledger.resize(testPod(uid, pod), allocatedAsAsked(has.get(uid)!), since);
  const used = () => takenBy(ledger.snapshot().admitted).used.cpu;
  return { ledger, later, reserve, resize, used };
}
const cpu = (requests: string, more: TestPod = {}): TestPod => ({ requests: { cpu: requests }, ...more });

test('what fits is granted, and counts for the larger of old and new until it is written down', async () => {
  const { ledger, reserve, resize, used } = setUp();
  await reserve('a', cpu('1'));
  expect(await resize('a', cpu('3'))).toEqual({ resize: 'granted' });
  expect(used()).toBe(3000n);
  ledger.confirm('a');
  expect(used()).toBe(3000n);
  expect(await resize('a', cpu('500m'))).toEqual({ resize: 'granted' });
  expect(used()).toBe(3000n);
  ledger.confirm('a');
  expect(used()).toBe(500n);
  ledger.confirm('a');
});

test('what does not fit is deferred in the words of admission, changes nothing, and holds nobody up', async () => {
  const { reserve, resize, used } = setUp();
  await reserve('a', cpu('1'));
  await reserve('b', cpu('1'));
  expect(await resize('a', cpu('3500m'))).toEqual({
    resize: 'deferred',
    message: "Node didn't have enough resource: cpu, requested: 3500, used: 1000, capacity: 4000",
  });
  expect(used()).toBe(2000n);
  expect(await reserve('c', cpu('1500m'))).toMatchObject({ verdict: 'admitted' });
  expect(await resize('b', cpu('1200m'))).toEqual({ resize: 'granted' });
});

test.each<[string, (l: Ledger) => void, string]>([
  ['a Pod that ends', (l) => l.release('b'), 'pod_terminated'],
  ['a node that grows', (l) => l.setNode(testNode({}, { cpu: '8' })), 'periodic_retry'],
])('%s lets a deferred one be granted, once', async (_name, act, trigger) => {
  const { ledger, later, reserve, resize } = setUp();
  await reserve('a', cpu('1'));
  await reserve('b', cpu('2'));
  await resize('a', cpu('3500m'));
  act(ledger);
  act(ledger);
  expect(later).toEqual([`a granted ${trigger}`]);
});

test('a Pod that shrinks makes room as soon as that is written down, not before', async () => {
  const { ledger, later, reserve, resize } = setUp();
  await reserve('a', cpu('1'));
  await reserve('b', cpu('3'));
  await resize('a', cpu('2'));
  await resize('b', cpu('1'));
  expect(later).toEqual([]);
  ledger.confirm('b');
  expect(later).toEqual(['a granted pod_resized']);
});

describe('the order of those that wait', () => {
  const rows: [string, Record<string, TestPod>, string][] = [
    ['priority', { a: cpu('2'), b: cpu('2', { priority: 5 }) }, 'b'],
    ['Guaranteed before others', { a: cpu('2'), b: { ...cpu('2'), limits: { cpu: '2', memory: '1Gi' } } }, 'b'],
    ['whoever waits longest', { b: cpu('2'), a: cpu('2') }, 'b'],
  ];
  test.each(rows)('%s', async (_name, wishes, first) => {
    const { ledger, later, reserve, resize } = setUp();
    const qos = (wish: TestPod): TestPod =>
      wish.limits
        ? {
            requests: { cpu: '1', memory: '1Gi' },
            limits: { cpu: '1', memory: '1Gi' },
            ...(wish.priority && { priority: wish.priority }),
          }
        : { ...wish, requests: { cpu: '1' } };
    for (const [uid, wish] of Object.entries(wishes)) await reserve(uid, qos(wish));
    await reserve('x', cpu('2'));
    for (const [uid, wish] of Object.entries(wishes)) {
      const asked = wish.limits
        ? { ...wish, requests: { cpu: '3', memory: '1Gi' }, limits: { cpu: '3', memory: '1Gi' } }
        : { ...wish, ...cpu('3') };
      expect(await resize(uid, { ...asked, ...(wish.priority && { priority: wish.priority }) })).toMatchObject({
        resize: 'deferred',
      });
    }
    ledger.release('x');
    expect(later.filter((one) => one.includes('granted'))).toEqual([`${first} granted pod_terminated`]);
  });

  test('one that asks for no more goes first, whatever its priority', async () => {
    const { ledger, later, reserve, resize } = setUp({ unasked: () => (held ? [testPod('unasked', {})] : []) });
    let held = false;
    await reserve('high', cpu('1', { priority: 100 }));
    await reserve('low', cpu('3'));
    held = true;
    const answers = [resize('high', cpu('2', { priority: 100 })), resize('low', cpu('1'))];
    await settle();
    held = false;
    ledger.answerHeld();
    expect(await Promise.all(answers)).toMatchObject([{ resize: 'deferred' }, { resize: 'granted' }]);
    ledger.confirm('low');
    expect(later).toEqual(['high granted pod_resized']);
  });
});

test('nobody is answered before every Pod that runs has its place', async () => {
  let unasked = true;
  const { ledger, reserve, resize } = setUp({ unasked: () => (unasked ? [testPod('b', cpu('2'))] : []) });
  await reserve('a', cpu('1'));
  let answer: ResizeVerdict | undefined;
  void resize('a', cpu('4')).then((verdict) => {
    answer = verdict;
  });
  await settle();
  expect(answer).toBeUndefined();
  await ledger.reserve(testPod('b', cpu('2')), { hasRunningContainers: true, createdAt: 0 });
  unasked = false;
  ledger.answerHeld();
  await settle();
  expect(answer).toMatchObject({ resize: 'deferred' });
});

test("a critical Pod's resize ends nobody", async () => {
  const { ledger, reserve, resize } = setUp();
  const victims: string[] = [];
  ledger.onVictim(({ uid }) => victims.push(uid));
  await reserve('critical', cpu('1', { priority: 2_000_000_000 }));
  await reserve('b', cpu('2'));
  expect(await resize('critical', cpu('3', { priority: 2_000_000_000 }))).toMatchObject({ resize: 'deferred' });
  expect(victims).toEqual([]);
});

test('a question that is withdrawn, or whose Pod goes, is given up; one without a place is refused', async () => {
  const { ledger, later, reserve, resize } = setUp({ unasked: () => [testPod('unasked', {})] });
  await reserve('a', cpu('1'));
  const first = resize('a', cpu('2'));
  const second = resize('a', cpu('3'));
  await expect(first).rejects.toMatchObject({ code: 'Superseded' });
  ledger.withdraw('a');
  await expect(second).rejects.toMatchObject({ code: 'Released' });
  const open = setUp();
  await open.reserve('a', cpu('1'));
  open.ledger.release('a');
  await expect(open.resize('a', cpu('2'))).rejects.toMatchObject({ code: 'Released' });
  expect(later).toEqual([]);
});

describe('what this node never carries out', () => {
  const settings = { podLevel: true, staticCpus: false, staticMemory: false, mayUseSwap: () => false };
  const guaranteed = (c: string, memory: string): TestPod => ({
    requests: { cpu: c, memory },
    limits: { cpu: c, memory },
  });
  const rows: [string, object, TestPod, TestPod, string][] = [
    [
      'CPU of a Guaranteed Pod beside a static CPU manager',
      { staticCpus: true },
      guaranteed('1', '1Gi'),
      guaranteed('2', '1Gi'),
      'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"',
    ],
    [
      'memory of a Guaranteed Pod beside a static memory manager',
      { staticMemory: true },
      guaranteed('1', '1Gi'),
      guaranteed('1', '2Gi'),
      'Resize is infeasible for Guaranteed Pods alongside Memory Manager policy "Static"',
    ],
    [
      'a memory request of what may swap',
      { mayUseSwap: () => true },
      { requests: { memory: '1Gi' } },
      { requests: { memory: '2Gi' } },
      'In-place resize of containers with swap is not supported.',
    ],
    [
      'a Pod as a whole, with the gate off',
      { podLevel: false },
      { spec: { resources: { requests: { cpu: '1' } } } },
      { spec: { resources: { requests: { cpu: '2' } } } },
      'InPlacePodLevelResourcesVerticalScaling is disabled',
    ],
  ];
  test.each(rows)('%s', async (_name, more, before, after, message) => {
    const details: string[] = [];
    const options = { resizes: { ...settings, ...more }, onInfeasible: (detail: string) => details.push(detail) };
    const { reserve, resize } = setUp(options);
    await reserve('a', before);
    expect(await resize('a', after)).toEqual({ resize: 'infeasible', message });
    expect(details).toHaveLength(1);
    const other = setUp();
    await other.reserve('a', before);
    expect(await other.resize('a', after)).toEqual({ resize: 'granted' });
  });
});

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  'random Pods and resizes never hold more than there is: %i',
  async (seed) => {
    const random = new Random(seed);
    const { ledger, used } = setUp();
    const has = new Map<string, string>();
    const asked = new Map<string, string>();
    const takes = (uid: string) => {
      has.set(uid, asked.get(uid)!);
      asked.delete(uid);
      ledger.confirm(uid);
    };
    ledger.onResize(({ metadata: { uid } }, verdict) => {
      if (verdict.resize === 'granted') takes(uid);
    });
    for (let step = 0; step < 120; step++) {
      const uid = `p${random.pick(0, 1, 2, 3, 4, 5)}`;
      const amount = `${random.pick(1, 2, 5, 9, 14, 22, 30)}00m`;
      if (!has.has(uid)) {
        const verdict = await ledger.reserve(testPod(uid, cpu(amount)), fresh);
        if (verdict.verdict === 'admitted') has.set(uid, amount);
      } else if (random.chance(0.2)) {
        has.delete(uid);
        asked.delete(uid);
        ledger.release(uid);
      } else {
        asked.set(uid, amount);
        const verdict = await ledger.resize(
          testPod(uid, cpu(amount)),
          allocatedAsAsked(testPod(uid, cpu(has.get(uid)!))),
          step,
        );
        if (verdict.resize === 'granted' && random.chance(0.8)) takes(uid);
      }
      expect(used() ?? 0n).toBeLessThanOrEqual(4000n);
    }
  },
);
