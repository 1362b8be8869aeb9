import { reasonCodes } from '../../src/timeline/sentences.ts';
import { decidedIn, pagesWithReasons } from './reasons.ts';

test.each(pagesWithReasons().map((page) => [page.file, page] as const))(
  '%s holds the current table of reasons (node hack/docs/reasons.ts)',
  (_, { now, wanted }) => {
    expect(now).toBe(wanted);
  },
);

test.each(reasonCodes)('%s is given by some rule', (code) => {
  expect(decidedIn(code)).not.toEqual([]);
});
