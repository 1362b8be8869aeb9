import { withoutIds } from './eventText.ts';
import { box, runtime } from './rules/testing.ts';

const id = 'f00d'.repeat(16);
const event = (message: string, container?: string) =>
  ({ type: 'Warning', reason: 'Failed', message, ...(container && { container }) }) as const;

test('an id of the container that an event is about is replaced by its name, wherever it stands', () => {
  const seen = runtime([
    box('web', 'created', { id }),
    box('web', 'exited', { id: 'beef' }),
    box('db', 'running', { id: 'cafe' }),
  ]);
  const said = withoutIds(event(`Error: task ${id} failed: /run/${id}/init, before it beef; not cafe`, 'web'), seen);
  expect(said.message).toBe('Error: task web failed: /run/web/init, before it web; not cafe');
});

test('an event about the Pod keeps its text; a name with a dollar sign is no pattern', () => {
  const seen = runtime([box('$&', 'created', { id })]);
  expect(withoutIds(event(id), seen).message).toBe(id);
  expect(withoutIds(event(`of ${id}`, '$&'), seen).message).toBe('of $&');
  expect(withoutIds(event('x', 'web'), null).message).toBe('x');
});
