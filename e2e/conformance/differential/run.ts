// npm run differential: the same Pods on both kubelets; every field of every shaping CRI request, status and event compared.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp } from '../../../hack/cluster/bringUp.ts';
import type { Cluster } from '../../../hack/cluster/state.ts';
import { main, say } from '../../../hack/lib/log.ts';
import { repoRoot } from '../../../hack/lib/paths.ts';
import { connectCri } from '../../../src/cri/client.ts';
import { knownDifferences } from '../differences.ts';
import { markdownTable } from '../table.ts';
import { compare, type Finding } from './compare.ts';
import { takeSample } from './sample.ts';

/** The second kubelet has as much to pull as the first one had. */
async function forgetImages(cluster: Cluster): Promise<void> {
  using cri = connectCri({ runtimeEndpoint: `unix://${cluster.layout.containerdSocket}` });
  for (const { id, pinned } of await cri.listImages()) if (!pinned) await cri.removeImage({ image: id });
}

function table(findings: readonly Finding[]): string {
  const head = ['difference', 'Go kubelet', 'kubelet-ts', 'Pods', 'reason'];
  const pods = ({ pods: names }: Finding): string => (names.length > 3 ? `${names.length} Pods` : names.join(', '));
  return markdownTable([
    head,
    ...findings.map((one) => [one.what, one.go, one.ts, pods(one), one.reason ?? '**unexplained**']),
  ]);
}

await main(async () => {
  const { values } = parseArgs({
    options: { cluster: { type: 'string', default: 'conf' }, name: { type: 'string', default: '.' } },
  });
  const cluster = await bringUp({ name: values.cluster, kubelet: 'none', controlPlane: true });
  const go = await takeSample(cluster, 'go', new RegExp(values.name));
  await forgetImages(cluster);
  const ts = await takeSample(cluster, 'ts', new RegExp(values.name));
  const findings = compare(go, ts, knownDifferences);
  const file = path.join(repoRoot, 'e2e/conformance/results/differential.md');
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${new Date().toISOString().slice(0, 10)}, ${go.statuses.size} Pods\n\n${table(findings)}\n`);
  const open = findings.filter(({ reason }) => reason === undefined);
  for (const one of open)
    say(`${one.what}: go ${one.go}, ts ${one.ts} (${one.pods.length} Pods: ${one.pods.slice(0, 3).join(', ')})`);
  console.log(`${findings.length} differences, ${open.length} unexplained; all of them in ${file}`);
  if (open.length > 0) process.exitCode = 1;
});
