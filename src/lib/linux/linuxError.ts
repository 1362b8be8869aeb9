import { getSystemErrorMessage, getSystemErrorName } from 'node:util';
import { KubeletError } from '../errors.ts';

/** A failed system call. `code` is the errno's name as Node spells it (`ENOENT`), so callers match both kinds alike. */
export class LinuxError extends KubeletError {
  readonly errno: number;
  readonly syscall: string;
  readonly path: string;

  constructor(syscall: string, errno: number, path: string, what = `${syscall} ${path}`) {
    const code = nameOf(errno);
    super(`${what} failed: ${getSystemErrorMessage(-errno)} (${code})`, { code });
    this.errno = errno;
    this.syscall = syscall;
    this.path = path;
  }
}

/** The errno name of a system error, whoever threw it, or undefined. */
export function errnoCode(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Runs the call and turns the listed errno names into undefined: for undo steps that may find nothing to do. */
export async function ignoring<T>(codes: readonly string[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const code = errnoCode(error);
    if (code !== undefined && codes.includes(code)) return undefined;
    throw error;
  }
}

function nameOf(errno: number): string {
  const name = getSystemErrorName(-errno);
  return name.startsWith('E') ? name : `ERRNO${errno}`;
}
