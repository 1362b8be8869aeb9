import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeletError } from '../lib/errors.ts';
import type { ProgramResult, Runner } from '../lib/linux/runProgram.ts';
import { parseSubordinateIds } from './rules/subordinateIds.ts';
import { subordinateIds } from './subordinateIds.ts';

// getKubeletMappings and parseGetSubIdsOutput of pkg/kubelet/kubelet_pods.go.

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'subids-'));
});
afterEach(() => rm(dir, { recursive: true }));

const USERS = 'root:x:0:0::/root:/bin/sh\n';
const KUBELET = `${USERS}kubelet:x:990:990::/:/bin/false\n`;
const everything = { first: 65536, length: 4294901760 };

/** Programs by their command line: what they print, a code that is not 0, or nothing if there is no such program. */
function programs(known: Readonly<Record<string, string | number>>): Runner {
  return async ({ program, args }): Promise<ProgramResult> => {
    const answer = known[[program, ...args].join(' ')];
    if (answer === undefined) throw new KubeletError(`no ${program}`, { code: 'ProgramMissing' });
    return typeof answer === 'number'
      ? { code: answer, output: '', killed: false }
      : { code: 0, output: answer, killed: false };
  };
}

function asked(passwd: string, known: Readonly<Record<string, string | number>>) {
  const path = join(dir, 'passwd');
  writeFileSync(path, passwd);
  return subordinateIds({ idsPerPod: 65536, run: programs(known), passwd: path });
}

const row = '0: kubelet 65536 2147483648\n';

test.each([
  ['no user, nobody else to ask', USERS, {}, everything],
  ['no user anywhere', USERS, { 'getent passwd kubelet': 2, 'getsubids kubelet': row }, everything],
  ['a user and no getsubids', KUBELET, {}, everything],
  [
    'a user and its ids',
    KUBELET,
    { 'getsubids kubelet': row, 'getsubids -g kubelet': row },
    { first: 65536, length: 2147483648 },
  ],
  [
    'a user of a directory service',
    USERS,
    { 'getent passwd kubelet': 'kubelet:x:990::', 'getsubids kubelet': row, 'getsubids -g kubelet': row },
    { first: 65536, length: 2147483648 },
  ],
] as const)('%s', async (_what, passwd, known, expected) => {
  expect(await asked(passwd, known)).toEqual(expected);
});

test.each([
  [
    'uids that cannot be had',
    { 'getsubids kubelet': 1 },
    'error retrieving additional uids for user "kubelet": exit status 1',
  ],
  [
    'gids that cannot be had',
    { 'getsubids kubelet': row, 'getsubids -g kubelet': 1 },
    'error retrieving additional gids for user "kubelet"',
  ],
  [
    'others for groups',
    { 'getsubids kubelet': row, 'getsubids -g kubelet': '0: kubelet 65536 65536\n' },
    'mismatched subuids and subgids for user "kubelet"',
  ],
] as const)('refuses %s', async (_what, known, message) => {
  await expect(asked(KUBELET, known)).rejects.toThrow(message);
});

test('a directory service that does not answer does not mean that there is no user', async () => {
  await expect(asked(USERS, { 'getent passwd kubelet': 1 })).rejects.toThrow('user kubelet could not be looked up');
});

test.each([
  ['0: kubelet 65536 2147483648', { first: 65536, length: 2147483648 }],
  ['0: kubelet 65536 2147483648\n', { first: 65536, length: 2147483648 }],
  ['0:\tkubelet   131072 4294967295', { first: 131072, length: 4294967295 }],
] as const)('%j is read', (output, expected) => {
  expect(parseSubordinateIds(output)).toEqual(expected);
});

test.each([
  ['0: kubelet 65536 1\n1: kubelet 131072 1\n', 'it must contain only one line'],
  ['', 'invalid line ""'],
  ['0: kubelet 65536', 'invalid line "0: kubelet 65536"'],
  ['0: kubelet 65536 1 2', 'invalid line "0: kubelet 65536 1 2"'],
  ['0: kubelet x 1', 'parsing "x": invalid syntax'],
  ['0: kubelet -1 1', 'parsing "-1": invalid syntax'],
  ['0: kubelet 4294967296 1', 'parsing "4294967296": value out of range'],
] as const)('%j is refused', (output, message) => {
  expect(() => parseSubordinateIds(output)).toThrow(message);
});
