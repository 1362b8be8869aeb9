import { bindLibc, callLibc, type LibcFunction } from './libc.ts';
import { errnoCode } from './linuxError.ts';

const RLIMIT_NOFILE = 7;
let prlimit: LibcFunction | undefined;

/**
 * Sets soft and hard limit of open files of this process; without the right to raise the hard one (CAP_SYS_RESOURCE) the soft one goes
 * as high as it allows. Returns the soft limit reached. Rejects with a LinuxError.
 */
export async function raiseOpenFiles(count: number): Promise<number> {
  const [, hard] = await call(null);
  try {
    return (await call([count, count]))[0];
  } catch (error) {
    if (errnoCode(error) !== 'EPERM') throw error;
    const most = Math.min(count, hard);
    await call([most, hard]);
    return most;
  }
}

/** Soft and hard limit, set anew when `limits` are given. */
async function call(limits: readonly [number, number] | null): Promise<readonly [number, number]> {
  prlimit ??= bindLibc('int prlimit64(int pid, int resource, void *wanted, void *old)');
  const wanted = limits && new BigUint64Array(limits.map((limit) => BigInt(limit)));
  const old = new BigUint64Array(2);
  await callLibc(prlimit, [0, RLIMIT_NOFILE, wanted, old], { syscall: 'prlimit', path: 'RLIMIT_NOFILE' });
  return limits ?? [Number(old[0]), Number(old[1])];
}
