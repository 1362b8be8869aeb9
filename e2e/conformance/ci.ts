import type { Cluster } from '../../hack/cluster/state.ts';
import { runSpecs } from './conformance.ts';
import { readList } from './lists.ts';

/** What CI allows for its selection. */
const limit = 15 * 60_000;

/**
 * Runs lists/ci.tsv against a cluster that is up (with addons and conformanceImages), and prints `N passed, M failed`. A spec
 * that has no result when the time is up counts as failed. Returns the numbers; throws only when a suite could not begin.
 */
export async function runCi(cluster: Cluster, procs = 4): Promise<{ passed: number; failed: number }> {
  const { kubelet } = cluster.state;
  if (kubelet !== 'go' && kubelet !== 'ts') throw new Error(`${cluster.layout.name} runs no kubelet`);
  const { passed, failed, skipped, missing } = await runSpecs(cluster, readList('ci'), {
    ...{
      list: 'ci',
      kubelet,
      files: [],
      failed: false,
      procs,
      timeLimit: limit,
      resume: false,
      cluster: cluster.layout.name,
    },
    again: true, // the reference's kept results say nothing about this run
    keep: false,
  });
  if (skipped > 0) console.log(`${skipped} specs of the selection do not apply here: take them out of lists/ci.tsv`);
  const bad = failed + missing + skipped;
  console.log(`${passed} passed, ${bad} failed`);
  return { passed, failed: bad };
}
