import { NO_NEWS, newsFacts, withNews } from './news.ts';

test('nothing told: what is optional is absent from the facts', () => {
  expect(newsFacts(NO_NEWS)).toEqual({
    ...{ sourcesReady: false, returning: false, admission: { state: 'unasked' } },
    ...{ pulls: {}, objects: {}, envObjects: {}, volumeObjects: {}, probes: {} },
  });
  expect(Object.keys(newsFacts(NO_NEWS))).not.toContain('mirror');
});

test('what a volume waits for goes when it waits no more, also under a name that every object has', () => {
  const waits = withNews(NO_NEWS, { kind: 'volumeWait', volume: 'constructor', message: 'a secret' });
  expect(newsFacts(waits).volumeWaits).toEqual({ constructor: 'a secret' });
  const over = withNews(waits, { kind: 'volumeWait', volume: 'constructor', message: undefined });
  expect(newsFacts(over).volumeWaits).toBeUndefined();
  expect(newsFacts(waits).volumeWaits).toEqual({ constructor: 'a secret' });
});

test('what held a status back is forgotten with the write of one, not with the news of one', () => {
  const failed = withNews(NO_NEWS, { kind: 'statusProblem', message: 'conflict' });
  const seen = withNews(failed, { kind: 'accepted', status: { phase: 'Running' }, written: false });
  expect(newsFacts(seen)).toMatchObject({ accepted: { phase: 'Running' }, statusProblem: 'conflict' });
  expect(newsFacts(withNews(seen, { kind: 'accepted', status: {}, written: true })).statusProblem).toBeUndefined();
});

test('one object that changed leaves the others as they are', () => {
  const references = { objects: { a: 'present', b: 'absent' } as never, env: {}, volumes: {}, pulls: ['a'] };
  const told = withNews(withNews(NO_NEWS, { kind: 'references', references }), {
    ...{ kind: 'object', key: 'b', state: 'present' as never },
  });
  expect(newsFacts(told)).toMatchObject({ objects: { a: 'present', b: 'present' }, pullObjects: ['a'] });
});
