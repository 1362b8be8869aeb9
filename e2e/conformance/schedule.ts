import { type Spec, type SuiteName, suiteOf, suites } from './lists.ts';
import { processFlags } from './processFlags.ts';

/** Specs that one process of a suite runs one after the other. */
export interface Batch {
  suite: SuiteName;
  specs: readonly Spec[];
  /** Nothing else runs meanwhile. */
  alone: boolean;
  /** The beginning of the names of an ordered group: all of its specs run, for the later ones look at the first one's Pod. */
  group?: string;
}

/** Ordered groups of e2e_node's container_lifecycle_test.go, by their own texts. */
const ordered = new RegExp(
  `^.* (?:${[
    'a restartable init container runs continuously',
    'a restartable init container fails to start because of a bad image',
    'a restartable init container starts and exits with exit code [01] continuously',
    'an Init container (?:before|after) restartable init container (?:continuously )?fails',
    'an init container fails to start because of a bad image',
    'using a Pod with restartPolicy=Never, three init container and two restartable init containers',
  ].join('|')})(?= should )`,
);

/** The beginning of the name that all specs of a spec's ordered group share; undefined when it stands for itself. */
export function groupOf(spec: Spec): string | undefined {
  return suiteOf(spec) === 'e2e_node' ? ordered.exec(spec.name)?.[0] : undefined;
}

/** Specs that are not marked [Serial] but measure times on the order of a second, which a loaded machine spoils. */
const timed: readonly RegExp[] = [
  /should call sidecar container PreStop hook simultaneously/,
  /should respect termination grace period seconds/,
  /should terminate sidecars in reverse order/,
  /exceeded its termination grace period seconds/,
];

/** True for a spec that must have the node for itself. */
export function runsAlone(spec: Spec): boolean {
  return /\[(Serial|Disruptive)\]/.test(spec.name) || timed.some((pattern) => pattern.test(spec.name));
}

/**
 * Cuts specs into batches of at most `size` that share a suite; each ordered group is a batch of its own; those that run
 * alone come last, in one batch a suite.
 */
export function batches(specs: readonly Spec[], size: number): Batch[] {
  const list: Batch[] = [];
  const groups = Map.groupBy(specs, (spec) => groupOf(spec) ?? '');
  for (const [group, mine] of groups) {
    if (group !== '') list.push({ suite: 'e2e_node', specs: mine, alone: false, group });
  }
  for (const alone of [false, true]) {
    for (const suite of suites) {
      const mine = (groups.get('') ?? []).filter((spec) => suiteOf(spec) === suite && runsAlone(spec) === alone);
      const step = alone ? Math.max(mine.length, 1) : size;
      for (let at = 0; at < mine.length; at += step) list.push({ suite, specs: mine.slice(at, at + step), alone });
    }
  }
  return list;
}

/**
 * Cuts specs of the node suite into batches of one file each, for a suite that starts the kubelet itself: one process at a
 * time has the node. Specs that need other flags of their process are a batch of their own.
 */
export function fileBatches(specs: readonly Spec[]): Batch[] {
  const groups = Map.groupBy(specs, (spec) => [spec.file, ...processFlags(spec)].join(' '));
  return [...groups.values()].map((mine) => ({ suite: 'e2e_node', specs: mine, alone: true }));
}

/** Small enough that the processes end at about the same time, large enough that starting them (3 s) does not count. */
export function batchSize(specs: number, procs: number): number {
  return Math.min(8, Math.max(1, Math.ceil(specs / procs / 3)));
}
