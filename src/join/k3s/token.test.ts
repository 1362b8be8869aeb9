import { parseToken } from './token.ts';

const HASH = 'a'.repeat(64);
const basic = (password: string) => `Basic ${Buffer.from(`node:${password}`).toString('base64')}`;

test.each([
  [`K10${HASH}::server:secret`, { caHash: HASH, authorization: basic('secret'), bootstrap: false }],
  [`K10${HASH.toUpperCase()}::node:se:cr:et\n`, { caHash: HASH, authorization: basic('se:cr:et'), bootstrap: false }],
  [
    `K10${HASH}::abcdef.0123456789abcdef`,
    { caHash: HASH, authorization: 'Bearer abcdef.0123456789abcdef', bootstrap: true },
  ],
  ['abcdef.0123456789abcdef', { authorization: 'Bearer abcdef.0123456789abcdef', bootstrap: true }],
  ['a-short-one', { authorization: basic('a-short-one'), bootstrap: false }],
  ['K10::server:secret', { authorization: basic('secret'), bootstrap: false }],
])('%s', (text, token) => expect(parseToken(text)).toEqual(token));

test.each([
  ['', 'the token is empty'],
  [' \n', 'the token is empty'],
  ['a b', 'a blank, a line break'],
  ['sécret', 'not ASCII'],
  ['x'.repeat(5000), 'more than 4096 characters'],
  [`K10${HASH}`, "no '::' after its CA hash"],
  ['K10abc::server:hunter2', 'must be 64 hex digits, and has 3 characters'],
  [`K10${'g'.repeat(64)}::server:hunter2`, 'must be 64 hex digits'],
  [`K10${HASH}::`, "nothing comes after the '::'"],
  [`K10${HASH}::hunter2`, 'must be user:password or a bootstrap token'],
  [`K10${HASH}::server:`, 'must be user:password'],
])('%j is refused with one sentence that does not hold it', (text, words) => {
  let said = '';
  try {
    parseToken(text);
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).toContain(words);
  expect(said).toContain('node-token');
  expect(said).not.toContain('hunter2');
});
