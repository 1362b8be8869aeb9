import { readFile } from 'node:fs/promises';
import { goQuote } from '../k8s/goText.ts';
import { isProgramMissing, type Runner, runProgram } from '../lib/linux/runProgram.ts';
import { everythingAbove, type IdSpace } from './rules/idSpace.ts';
import { parseSubordinateIds } from './rules/subordinateIds.ts';

/** Whose subordinate ids are the Pods'. */
const USER = 'kubelet';
/** The user and its ids may come from a directory service. */
const DEADLINE_MS = 30_000;

/** How the ids are looked up. */
export interface SubordinateIdsOptions {
  readonly idsPerPod: number;
  /** Default: the runner of this machine. */
  readonly run?: Runner;
  /** Default: /etc/passwd. */
  readonly passwd?: string;
}

/**
 * The ids that Pods' user namespaces are made of: the subordinate ids of the user `kubelet`, as `getsubids` tells them, or all above the
 * first `idsPerPod` where there is no such user or no such program. Rejects with kubelet's sentence when there is a user and its ids
 * cannot be had, or are not one row that is the same for users and groups: a directory that does not answer must not mean other ids.
 */
export async function subordinateIds({
  idsPerPod,
  run = runProgram,
  passwd = '/etc/passwd',
}: SubordinateIdsOptions): Promise<IdSpace> {
  if (!(await userExists(run, passwd))) return everythingAbove(idsPerPod);
  const ask = (args: readonly string[]) =>
    run({ program: 'getsubids', args, deadlineMs: DEADLINE_MS, withoutErrors: true });
  try {
    const uids = await ask([USER]);
    if (uids.code !== 0) {
      const why = uids.killed ? 'it did not answer' : `exit status ${uids.code}`;
      throw new Error(`error retrieving additional uids for user ${goQuote(USER)}: ${why}`);
    }
    const gids = await ask(['-g', USER]);
    if (gids.code !== 0) throw new Error(`error retrieving additional gids for user ${goQuote(USER)}`);
    if (uids.output !== gids.output) throw new Error(`mismatched subuids and subgids for user ${goQuote(USER)}`);
    return parseSubordinateIds(uids.output);
  } catch (error) {
    if (isProgramMissing(error)) return everythingAbove(idsPerPod);
    throw error;
  }
}

/** Most users stand in the file; where others may, `getent` knows. */
async function userExists(run: Runner, passwd: string): Promise<boolean> {
  const text = await readFile(passwd, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (text.split('\n').some((line) => line.startsWith(`${USER}:`))) return true;
  try {
    const { code, killed } = await run({ program: 'getent', args: ['passwd', USER], deadlineMs: DEADLINE_MS });
    if (code === 0) return true;
    // 2: the key is in none of the databases.
    if (code === 2) return false;
    throw new Error(`user ${USER} could not be looked up: getent ${killed ? 'did not answer' : `ended with ${code}`}`);
  } catch (error) {
    if (isProgramMissing(error)) return false;
    throw error;
  }
}
