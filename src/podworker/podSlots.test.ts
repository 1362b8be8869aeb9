import type { EffectError } from '../loop/slot.ts';
import type { SlotBook } from '../loop/slotBook.ts';
import { observed, oc } from '../status/rules/testing.ts';
import { objectIds, podSlots } from './podSlots.ts';
import type { Action } from './rules/actions.ts';

const create: Action = {
  kind: 'createContainer',
  slot: 'container/a',
  container: 'a',
  sandboxId: 's',
  attempt: 0,
  objects: '',
};
const start: Action = { kind: 'startContainer', slot: 'container/a', container: 'a', containerId: 'a-0' };
const stop: Action = { kind: 'stopContainer', slot: 'stop/a-0', container: 'a', containerId: 'a-0', seconds: 30 };
const image = (name: string): Action => ({
  kind: 'ensureImage',
  slot: 'image/a',
  container: 'a',
  image: name,
  policy: 'Always',
  attempt: 0,
});
const failed: EffectError = { reason: 'Internal', message: 'm', settled: true };
const timedOut: EffectError = { reason: 'DeadlineExceeded', message: 'm', settled: false };
const cancelled: EffectError = { reason: 'Canceled', message: 'm', settled: false };

function run(book: SlotBook<Action>, action: Action, error?: EffectError, seq = 7): void {
  book.begin(action, 1);
  book.end(action, { startedAt: 1, endedAt: 2, seq, ...(error ? { error } : {}) });
}
const of = (book: SlotBook<Action>, name: string) => book.facts()[name]!;

describe('failures in a row', () => {
  const rows: [string, (readonly [Action, EffectError?])[], number][] = [
    [
      'the same work adds up',
      [
        [create, failed],
        [create, timedOut],
        [create, failed],
      ],
      3,
    ],
    ['success starts over', [[create, failed], [create], [create, failed]], 1],
    [
      'another kind of work starts over',
      [
        [create, failed],
        [create, failed],
        [start, failed],
      ],
      1,
    ],
    [
      'the same image adds up',
      [
        [image('x'), failed],
        [image('x'), failed],
      ],
      2,
    ],
    [
      'another image starts over',
      [
        [image('x'), failed],
        [image('x'), failed],
        [image('y'), failed],
      ],
      1,
    ],
  ];
  test.each(rows)('%s', (_, actions, failures) => {
    const book = podSlots();
    for (const [action, error] of actions) run(book, action, error);
    expect(of(book, actions[0]![0].slot).failures).toBe(failures);
  });

  test('one that was cut off leaves the failures before it as they were', () => {
    const book = podSlots();
    run(book, create, failed);
    run(book, create, failed);
    book.begin(create, 1);
    book.markAborting(create.slot);
    book.end(create, { startedAt: 1, endedAt: 2, seq: 7, error: cancelled });
    expect(of(book, create.slot).failures).toBe(2);
    run(book, create, failed);
    expect(of(book, create.slot).failures).toBe(3);
  });

  test('a call that was cut off did not fail, whatever the runtime says of it', () => {
    const book = podSlots();
    book.begin(stop, 1);
    expect(book.markAborting(stop.slot)).toBe(true);
    expect(book.markAborting(stop.slot)).toBe(false);
    book.end(stop, { startedAt: 1, endedAt: 2, seq: 7, error: cancelled });
    expect(of(book, stop.slot).failures).toBe(0);
  });
});

describe('when a slot opens again', () => {
  const rows: [string, Action, EffectError | undefined, number][] = [
    ['after success: at once', create, undefined, 0],
    ['after a known failure: at once', create, failed, 0],
    ['after an unknown creation: by a read that is sent later', create, timedOut, 8],
    ['after an unknown start: likewise', start, timedOut, 8],
    ['after an unknown sandbox: likewise', { kind: 'createSandbox', slot: 'sandbox', attempt: 0 }, timedOut, 8],
    [
      'after an unknown removal: likewise',
      { kind: 'removeContainer', slot: 'remove/a-0', containerId: 'a-0' },
      timedOut,
      8,
    ],
    [
      'after an unknown removal of a sandbox: likewise',
      { kind: 'removeSandbox', slot: 'removeSandbox/s', sandboxId: 's' },
      timedOut,
      8,
    ],
    ['after an unknown stop: at once, it is safe twice', stop, timedOut, 0],
  ];
  test.each(rows)('%s', (_, action, error, opensAt) => {
    const book = podSlots();
    run(book, action, error);
    expect(of(book, action.slot).last?.opensAt).toBe(opensAt);
    expect(book.needsRead(7)).toBe(opensAt > 7);
    expect(book.needsRead(8)).toBe(false);
  });

  test('a cut-off creation still waits for a read', () => {
    const book = podSlots();
    book.begin(create, 1);
    book.markAborting(create.slot);
    book.end(create, { startedAt: 1, endedAt: 2, seq: 7, error: cancelled });
    expect(of(book, create.slot)).toMatchObject({ failures: 0, last: { opensAt: 8 } });
  });
});

test('slots of containers that are gone are dropped, running ones never', () => {
  const book = podSlots();
  run(book, stop);
  run(book, create);
  book.begin({ ...stop, slot: 'stop/b-0', containerId: 'b-0' }, 1);
  book.forget(objectIds(observed([oc('a', 'running')])));
  expect(Object.keys(book.facts())).toHaveLength(3);
  book.forget(objectIds(observed([])));
  expect(Object.keys(book.facts()).sort()).toEqual(['container/a', 'stop/b-0']);
});
