import { ManualClock } from '../lib/fake/manualClock.ts';
import { HEALTH_NEWS_MS, HealthNews } from './healthNews.ts';

let clock: ManualClock;
let told: string[];
let news: HealthNews;
beforeEach(() => {
  clock = new ManualClock();
  told = [];
  news = new HealthNews(clock, (uid) => told.push(uid));
});
afterEach(() => news[Symbol.dispose]());

test('a Pod hears of a change at once', () => {
  news.tell(['a', 'b']);
  expect(told).toEqual(['a', 'b']);
});

test('one whose devices change without end hears once a second, and of the last change', () => {
  for (let n = 0; n < 50; n++) {
    news.tell(['a']);
    clock.advance(100);
  }
  expect(told.length).toBeLessThanOrEqual(6);
  const before = told.length;
  clock.advance(HEALTH_NEWS_MS);
  clock.advance(HEALTH_NEWS_MS);
  expect(told.length).toBeLessThanOrEqual(before + 1);
});

test('a change within the second is told when it is over, once; others wait for nobody', () => {
  news.tell(['a']);
  news.tell(['a']);
  news.tell(['a', 'b']);
  expect(told).toEqual(['a', 'b']);
  clock.advance(HEALTH_NEWS_MS);
  expect(told).toEqual(['a', 'b', 'a']);
  clock.advance(HEALTH_NEWS_MS);
  expect(told).toEqual(['a', 'b', 'a']);
  news.tell(['a']);
  expect(told).toEqual(['a', 'b', 'a', 'a']);
});
