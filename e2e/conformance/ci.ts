import type { Cluster } from '../../hack/cluster/state.ts';
import { runSpecs, type Summary } from './conformance.ts';
import { readList } from './lists.ts';

/** What CI allows for its selection, in ms. */
const limit = 15 * 60_000;

/**
 * Runs lists/ci.tsv against a cluster that is up (with addons and conformanceImages). A spec that has no result when the
 * time is up is among the red ones, and so is one that does not apply: it has no place in the list. Throws only when a
 * suite could not begin.
 */
export async function runCi(cluster: Cluster, procs = 4): Promise<Summary> {
  const { kubelet } = cluster.state;
  if (kubelet !== 'go' && kubelet !== 'ts') throw new Error(`${cluster.layout.name} runs no kubelet`);
  return runSpecs(cluster, readList('ci'), {
    ...{ list: 'ci', kubelet, files: [], failed: false, notRun: false, resume: false, suiteKubelet: false },
    procs,
    nodes: 1,
    untilItFails: false,
    timeLimit: limit,
    cluster: cluster.layout.name,
    again: true, // the reference's kept results say nothing about this run
    keep: false,
  });
}
