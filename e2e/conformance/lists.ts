import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The two lists of specs that this kubelet has to pass; the name is also that of the suite's program. */
export type ListName = 'e2e' | 'e2e_node';

/** One spec of Kubernetes' suites. */
export interface Spec {
  /** The Go file that holds it, from the root of Kubernetes' repository. */
  file: string;
  /** Its full name, as `--list-tests` prints it. */
  name: string;
}

/** Which specs of a list are wanted; an absent field wants all. */
export interface Wanted {
  /** Parts of file paths; one of them must occur. */
  files?: readonly string[];
  /** Must match somewhere in the name. */
  name?: RegExp;
}

/** Reads lines of `file<TAB>name`; throws on anything else, naming the line. */
export function parseList(text: string, source: string): Spec[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const [file, name, ...rest] = line.split('\t');
      if (!file || !name || rest.length > 0) throw new Error(`${source}:${number}: a line is FILE<TAB>NAME`);
      return { file, name };
    });
}

/** The specs of a list in lists/ (`e2e`, `e2e_node`, `ci`), in its order. */
export function readList(name: string, directory = path.join(process.cwd(), 'e2e/conformance/lists')): Spec[] {
  const file = path.join(directory, `${name}.tsv`);
  return parseList(readFileSync(file, 'utf8'), file);
}

/** The specs that are wanted, in the list's order. */
export function select(specs: readonly Spec[], wanted: Wanted): Spec[] {
  return specs.filter(({ file, name }) => {
    const inFiles = !wanted.files?.length || wanted.files.some((part) => file.includes(part));
    return inFiles && (wanted.name?.test(name) ?? true);
  });
}

/** The suite whose program has the specs of a file. */
export function suiteOf(spec: Spec): ListName {
  return spec.file.startsWith('test/e2e_node/') ? 'e2e_node' : 'e2e';
}
