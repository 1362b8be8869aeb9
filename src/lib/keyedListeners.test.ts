import { KeyedListeners } from './keyedListeners.ts';

test('only who listens to the key is called, until he leaves; emitAll calls everybody', () => {
  const heard: string[] = [];
  const listeners = new KeyedListeners();
  const first = listeners.add('a', () => heard.push('first of a'));
  listeners.add('a', () => heard.push('second of a'));
  listeners.add('b', () => heard.push('b'));
  listeners.emit('a');
  listeners.emit('c');
  expect(heard.splice(0)).toEqual(['first of a', 'second of a']);
  first[Symbol.dispose]();
  listeners.emitAll();
  expect(heard.splice(0)).toEqual(['second of a', 'b']);
});

test('a key is forgotten with its last listener, and one that left twice takes nobody else along', () => {
  const listeners = new KeyedListeners();
  const first = listeners.add('a', () => {});
  first[Symbol.dispose]();
  expect(listeners.size).toBe(0);
  let calls = 0;
  const second = listeners.add('a', () => calls++);
  first[Symbol.dispose]();
  listeners.emit('a');
  expect([calls, listeners.size]).toEqual([1, 1]);
  second[Symbol.dispose]();
  expect(listeners.size).toBe(0);
});
