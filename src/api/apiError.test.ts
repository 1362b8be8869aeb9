import { apiErrorFrom, isNotFound, isObjectGone, isUidConflict } from './apiError.ts';

const status = (code: number, reason: string, details?: object, message = 'no') =>
  apiErrorFrom(code, JSON.stringify({ kind: 'Status', reason, message, code, details }), undefined, 'PATCH pods/a');

test.each([
  ['names the Pod', status(404, 'NotFound', { name: 'a', kind: 'pods' }), true],
  ['names it without the kind', status(404, 'NotFound', { name: 'a' }), true],
  ['names another Pod', status(404, 'NotFound', { name: 'b', kind: 'pods' }), false],
  ['names another kind', status(404, 'NotFound', { name: 'a', kind: 'nodes' }), false],
  ['names nothing: the API is not served yet', status(404, 'NotFound', {}), false],
  ['another status', status(410, 'Gone', { name: 'a', kind: 'pods' }), false],
  ['a page of a proxy', apiErrorFrom(404, '<html>not found</html>', undefined, 'PATCH pods/a'), false],
  ['JSON of a proxy', apiErrorFrom(404, '{"reason":"NotFound","details":{"name":"a"}}', undefined, 'x'), false],
  ['no body', apiErrorFrom(404, '', undefined, 'PATCH pods/a'), false],
  ['no answer at all', new Error('pods "a" not found'), false],
])('an answer that %s: the Pod is gone: %#', (_, error, gone) => expect(isObjectGone(error, 'pods', 'a')).toBe(gone));

test('a 404 that is not the API server’s says so and is worth another try', () => {
  const error = apiErrorFrom(404, 'default backend - 404', undefined, 'PATCH pods/a');
  expect(error).toMatchObject({ status: 404, reason: 'UnexpectedServerResponse', retryable: true });
  expect(error.message).toBe('PATCH pods/a: the server answered 404 default backend - 404');
  expect(isNotFound(error)).toBe(false);
  expect(status(404, 'NotFound')).toMatchObject({ reason: 'NotFound', retryable: false });
});

test.each([
  [409, 'Precondition failed: UID in precondition: a, UID in object meta: b', true],
  [422, 'metadata.uid: Invalid value: "a": field is immutable', true],
  [409, 'the object has been modified; please apply your changes to the latest version', false],
  [409, 'Operation cannot be fulfilled on pods "app-uid-1": the object has been modified', false],
  [403, 'uid', false],
])('%i %s: another UID: %s', (code, message, expected) =>
  expect(isUidConflict(status(code, 'x', undefined, message))).toBe(expected),
);
