import { matchesLabels } from './labelSelector.ts';
import { pemBlocks } from './pem.ts';

const block = (body: string, label = 'CERTIFICATE', end = label) =>
  `-----BEGIN ${label}-----\n${body}-----END ${end}-----\n`;

test.each([
  ['what stands between blocks is passed over', `a\n${block('AAEC\n')}b\n${block('AwQ=\n')}`, ['000102', '0304']],
  ['headers are passed over', block('Proc-Type: 4\nB: c\n\nAAEC\n'), ['000102']],
  ['lines may end as on Windows', block('AAEC\n').replaceAll('\n', '\r\n'), ['000102']],
  ['what is no base64 is left out', block('A?EC\n') + block('AAEC\n'), ['000102']],
  ['another end is none', block('AAEC\n', 'A', 'B'), []],
  ['an empty one is none', block(''), []],
])('%s', (_name, text, expected) => {
  expect(pemBlocks(text).map((bytes) => bytes.toString('hex'))).toEqual(expected);
});

const labels = { app: 'web', tier: 'front' };

test.each<[string, Parameters<typeof matchesLabels>[0], boolean]>([
  ['without a selector nothing matches', undefined, false],
  ['an empty one matches everything', {}, true],
  ['all labels', { matchLabels: { app: 'web', tier: 'front' } }, true],
  ['one label is another', { matchLabels: { app: 'web', tier: 'back' } }, false],
  ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'web'] }] }, true],
  ['In of a label that is not there', { matchExpressions: [{ key: 'x', operator: 'In', values: [''] }] }, false],
  ['NotIn of a label that is not there', { matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['a'] }] }, true],
  ['NotIn', { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
  ['Exists', { matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
  [
    'DoesNotExist',
    { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
    false,
  ],
])('%s', (_name, selector, expected) => {
  expect(matchesLabels(selector, labels)).toBe(expected);
});
