import { readFile } from 'node:fs/promises';
import { errorMessage, KubeletError } from '../lib/errors.ts';

/** A kubeconfig that cannot be used: file, line where there is one, and what to do. Never holds a secret. */
export class KubeconfigError extends KubeletError {}

/** The text of a kubeconfig, or of a file that it names (`prefix` then says where). `code`: of the error when there is no such file. */
export async function readText(file: string, code: string, prefix = ''): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const what = prefix === '' ? `${file}: cannot be read: ` : `${prefix}cannot be read: `;
    throw new KubeconfigError(what + errorMessage(error), { code: missing ? code : 'InvalidKubeconfig', cause: error });
  }
}
