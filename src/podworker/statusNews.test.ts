import { StatusNews } from './statusNews.ts';

test('the same status is news once, and again when the Pod is being deleted or who wants it is another one', () => {
  const news = new StatusNews();
  const deleted = { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } };
  expect([news.isNew({}, { phase: 'Running' }), news.isNew({}, { phase: 'Running' })]).toEqual([true, false]);
  expect([news.isNew(deleted, { phase: 'Running' }), news.isNew(deleted, { phase: 'Failed' })]).toEqual([true, true]);
  news.forget();
  expect(news.isNew(deleted, { phase: 'Failed' })).toBe(true);
});
