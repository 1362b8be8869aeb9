import { type ShareAction, shareAfter } from './shareAfter.ts';
import type { Share } from './volumeFacts.ts';

const publish: ShareAction = { kind: 'publish', slot: 'a', uid: 'a', round: 2, ask: 1 };
const unpublish: ShareAction = { kind: 'unpublish', slot: 'a', uid: 'a' };
const expand: ShareAction = { kind: 'expand', slot: 'a', uid: 'a', size: '2Gi', ask: 1 };
const has: Share = { state: 'yes', round: 1 };

test.each<[string, Share | undefined, ShareAction, 'done' | 'failed clean' | 'failed', Share | undefined]>([
  ['published', undefined, publish, 'done', { state: 'yes', round: 2 }],
  [
    'published again, and as large as before',
    { ...has, expandedTo: '1Gi' },
    publish,
    'done',
    { state: 'yes', round: 2, expandedTo: '1Gi' },
  ],
  ['refused: it has what it had', has, publish, 'failed clean', has],
  ['refused at first: nothing', undefined, publish, 'failed clean', undefined],
  ['failed in the middle: perhaps', undefined, publish, 'failed', { state: 'unsure', round: -1 }],
  ['failed in the middle of the next round', has, publish, 'failed', { state: 'unsure', round: 1 }],
  ['taken back', has, unpublish, 'done', undefined],
  ['not taken back for certain', has, unpublish, 'failed', { state: 'unsure', round: 1 }],
  ['nothing was there to take back', undefined, unpublish, 'failed', undefined],
  ['expanded', has, expand, 'done', { ...has, expandedTo: '2Gi' }],
  ['not expanded', has, expand, 'failed', has],
  ['expanded for a Pod that left', undefined, expand, 'done', undefined],
])('%s', (_, had, action, end, after) => {
  expect(shareAfter(had, action, end !== 'done', end === 'failed clean')).toEqual(after);
});
