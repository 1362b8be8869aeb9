import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repoRoot } from '../../hack/lib/paths.ts';

/** The suites' programs, e2e.test and e2e_node.test, without the ending. */
export const suites = ['e2e', 'e2e_node'] as const;
export type SuiteName = (typeof suites)[number];

/** The lists in lists/ that the page shows, in its order, and what each is. (`selections` are parts of them.) */
export const knownLists: Readonly<Record<string, string>> = {
  e2e: "specs of e2e.test that test the kubelet itself: the project's first list",
  e2e_node: 'plain specs of e2e_node.test, against a running cluster',
  conformance: 'all that a cluster needs for the name “Certified Kubernetes”',
  e2e_more: 'further specs of e2e.test that a node can influence',
  e2e_clients: 'clients, autoscaling, node authorizer and the like',
  dra: 'dynamic resource allocation',
  csimock: 'CSI with the mock driver',
  storage: "the storage suites' patterns with every driver",
  e2e_node_more: 'specs of e2e_node.test that configure and restart the kubelet, [Serial] ones and those with features',
};

/** Lists of lines of the lists above: what is run when the whole would take too long. */
export const selections: Readonly<Record<string, string>> = {
  ci: 'of e2e and e2e_node: what CI runs',
  'csi-hostpath': 'of storage: 60 of 169 specs with the driver csi-hostpath',
  local: 'of storage: 40 of the specs with local volumes, directories and disks',
};

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

/** Reads lines of `file<TAB>name`; throws on anything else, and on a file of neither suite, naming the line. */
export function parseList(text: string, source: string): Spec[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const [file, name, ...rest] = line.split('\t');
      if (!file || !name || rest.length > 0) throw new Error(`${source}:${number}: a line is FILE<TAB>NAME`);
      if (!/^test\/e2e(_node)?\//.test(file)) throw new Error(`${source}:${number}: no suite has specs of ${file}`);
      return { file, name };
    });
}

/** The specs of a list in lists/ (`conformance`, `ci`, …) or of any file of such lines, in its order. */
export function readList(name: string, directory = path.join(repoRoot, 'e2e/conformance/lists')): Spec[] {
  const known = path.join(directory, `${name}.tsv`);
  const file = existsSync(known) ? known : name;
  if (!existsSync(file)) throw new Error(`--list ${name}: neither a list in ${directory} nor a file`);
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
export function suiteOf(spec: Spec): SuiteName {
  return spec.file.startsWith('test/e2e_node/') ? 'e2e_node' : 'e2e';
}
