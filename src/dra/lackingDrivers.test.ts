import { LackingDrivers } from './lackingDrivers.ts';

test('who lacked a driver is told once when it comes, and not at all when it lacks nothing any more', () => {
  const lacking = new LackingDrivers();
  lacking.note('gpu', 'a');
  lacking.note('gpu', 'b');
  lacking.note('gpu', 'a');
  lacking.note('nic', 'b');
  lacking.forget('b');
  expect([lacking.take('gpu'), lacking.take('gpu'), lacking.take('nic'), lacking.take('other')]).toEqual([
    ['a'],
    [],
    [],
    [],
  ]);
});
