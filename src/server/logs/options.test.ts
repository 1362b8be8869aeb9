import { HttpError } from '../http/exchange.ts';
import { logOptions } from './options.ts';

const now = Date.parse('2026-01-01T00:00:10Z');
const read = (query: string) => logOptions(new URLSearchParams(query), now);
const status = (query: string): number => {
  try {
    read(query);
  } catch (error) {
    return (error as HttpError).status;
  }
  return 200;
};

test.each([
  ['', { follow: false, previous: false, timestamps: false, stream: 'All' }],
  ['follow=true&timestamps=1&previous', { follow: true, timestamps: true, previous: true }],
  ['follow=false&timestamps=0', { follow: false, timestamps: false }],
  ['tailLines=5&limitBytes=7', { tailLines: 5, limitBytes: 7 }],
  ['tail=3', { tailLines: 3 }],
  ['tail=all&tailLines=3', { tailLines: undefined }],
  ['tailLines=0', { tailLines: 0 }],
  ['sinceSeconds=5', { since: now - 5000 }],
  ['sinceTime=2026-01-01T01:00:00%2B01:00', { since: Date.parse('2026-01-01T00:00:00Z') }],
  ['stream=Stderr', { stream: 'Stderr' }],
])('%s', (query, expected) => {
  expect(read(query)).toMatchObject(expected);
});

test.each([
  ['tailLines=x', 400],
  ['tailLines=1.5', 400],
  ['tailLines=99999999999999999999', 400],
  ['limitBytes=ten', 400],
  ['sinceTime=yesterday', 400],
  ['tailLines=-1', 422],
  ['limitBytes=0', 422],
  ['sinceSeconds=0', 422],
  ['sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', 422],
  ['stream=Both', 422],
  ['stream=Stdout&tailLines=1', 422],
])('%s is answered with %i', (query, expected) => {
  expect(status(query)).toBe(expected);
});

test('the texts are those that clients know', () => {
  expect(() => read('tailLines=x')).toThrow('{"message": "Unable to decode query."}');
  expect(() => read('tailLines=-1')).toThrow(new HttpError(422, '{"message": "Invalid request."}').message);
});
