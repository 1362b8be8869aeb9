import type { EffectError, SlotTraits } from './slot.ts';
import { SlotBook } from './slotBook.ts';

interface Act {
  readonly kind: 'make' | 'list' | 'drop';
  readonly slot: string;
  readonly of?: string;
}
const none: SlotTraits = { unknownOutcomeClosesSlot: false, echoes: false, slotPerObject: false };
const traits = {
  make: { ...none, unknownOutcomeClosesSlot: true, echoes: true },
  list: none,
  drop: { ...none, slotPerObject: true },
};
const failed: EffectError = { reason: 'Internal', message: 'm', settled: true };
const unknown: EffectError = { reason: 'DeadlineExceeded', message: 'm', settled: false };
const cut: EffectError = { reason: 'Aborted', message: 'm', settled: true };
const make = (of = 'x'): Act => ({ kind: 'make', slot: 's', of });
const list: Act = { kind: 'list', slot: 's' };

let asked: [Act, Act][];
let book: SlotBook<Act>;
beforeEach(() => {
  asked = [];
  book = new SlotBook<Act>({
    traits,
    sameWork(a, b) {
      asked.push([a, b]);
      return a.of === b.of;
    },
  });
});
const end = (action: Act, error?: EffectError, seq = 7) =>
  book.end(action, { startedAt: 1, endedAt: 2, seq, ...(error && { error }) });
const run = (action: Act, error?: EffectError, seq = 7) => {
  book.begin(action, 1);
  end(action, error, seq);
};

test('a slot from the start of an action to its end, and through the next', () => {
  const action = make();
  expect(book.facts()).toEqual({});
  book.begin(action, 1);
  expect(book.facts()).toStrictEqual({ s: { failures: 0, running: { action, since: 1, aborting: false } } });
  end(action);
  const last = { action, startedAt: 1, endedAt: 2, opensAt: 0 };
  expect(book.facts()).toStrictEqual({ s: { failures: 0, last } });
  run(action, failed);
  expect(book.facts()).toStrictEqual({ s: { failures: 1, last: { ...last, error: failed } } });
  book.begin(action, 5);
  expect(book.facts()).toStrictEqual({
    s: { failures: 1, last: { ...last, error: failed }, running: { action, since: 5, aborting: false } },
  });
});

test('an end that nobody began is noted', () => {
  end(make(), failed);
  expect(book.facts().s).toMatchObject({ failures: 1, last: { error: failed } });
});

test('failures of the same work add up; another kind is not asked about, and others begin anew', () => {
  run(make(), failed);
  run(make(), failed);
  expect([book.facts().s?.failures, asked]).toEqual([2, [[make(), make()]]]);
  run(make('y'), failed);
  expect(book.facts().s?.failures).toBe(1);
  asked = [];
  run(list, failed);
  expect([book.facts().s?.failures, asked]).toEqual([1, []]);
  run(list);
  expect(book.facts().s?.failures).toBe(0);
});

test('what was cut off did not fail: neither by what it says, nor by what it was told', () => {
  run(make(), failed);
  run(make(), cut);
  expect(book.facts().s?.failures).toBe(1);
  book.begin(make(), 1);
  expect([book.markAborting('s'), book.markAborting('s'), book.markAborting('other')]).toEqual([true, false, false]);
  expect(book.facts().s?.running).toEqual({ action: make(), since: 1, aborting: true });
  end(make(), failed);
  expect(book.facts().s?.failures).toBe(1);
  expect(book.markAborting('s')).toBe(false);
});

test('an outcome that settles nothing closes the slot until a later read, of kinds that it does for', () => {
  run(make(), unknown, 7);
  expect([book.facts().s?.last?.opensAt, book.needsRead(7), book.needsRead(8)]).toEqual([8, true, false]);
  book.begin(make(), 1);
  expect(book.needsRead(7)).toBe(false);
  end(make(), failed);
  expect([book.facts().s?.last?.opensAt, book.needsRead(0)]).toEqual([0, false]);
  run(list, unknown);
  expect(book.facts().s?.last?.opensAt).toBe(0);
  run({ kind: 'make', slot: 'second' }, unknown, 9);
  expect([book.needsRead(9), book.needsRead(10)]).toEqual([true, false]);
});

test('news may be the echo of what runs, not of what is over', () => {
  book.begin({ ...list, slot: 'l' }, 1);
  expect(book.echoing()).toBe(false);
  book.begin(make(), 1);
  expect(book.echoing()).toBe(true);
  end(make());
  expect(book.echoing()).toBe(false);
});

test('slots of objects that are gone are dropped: not while they are used, nor those of anything else', () => {
  for (const slot of ['drop/a', 'drop/b']) run({ kind: 'drop', slot });
  book.begin({ kind: 'drop', slot: 'drop/busy' }, 1);
  run({ kind: 'list', slot: 'list/a' });
  book.forget(new Set(['b']));
  expect(Object.keys(book.facts())).toEqual(['drop/b', 'drop/busy', 'list/a']);
});
