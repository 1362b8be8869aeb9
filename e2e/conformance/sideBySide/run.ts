// npm run side-by-side: one node under the Go kubelet and then under kubelet-ts, with the same Pods; what each says of itself is compared.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp } from '../../../hack/cluster/bringUp.ts';
import { tearDown } from '../../../hack/cluster/tearDown.ts';
import { main } from '../../../hack/lib/log.ts';
import { repoRoot } from '../../../hack/lib/paths.ts';
import { differences, type Portrait } from './compare.ts';
import { sideBySidePage } from './page.ts';
import { takePortrait } from './portrait.ts';
import { reasonOf } from './reasons.ts';
import { recordedGo, recordGo } from './recorded.ts';

await main(async () => {
  const { values } = parseArgs({
    options: {
      cluster: { type: 'string', default: 'side' },
      keep: { type: 'boolean', default: false },
      // Only kubelet-ts is run, beside what is recorded of the Go kubelet.
      recorded: { type: 'boolean', default: false },
    },
  });
  const cluster = await bringUp({ name: values.cluster, kubelet: 'none', controlPlane: true });
  let go: Portrait;
  let ts: Portrait;
  try {
    go = values.recorded ? recordedGo() : await takePortrait(cluster, 'go');
    if (!values.recorded) recordGo(go);
    ts = await takePortrait(cluster, 'ts');
  } finally {
    if (!values.keep) await tearDown(values.cluster);
  }
  const found = differences(go, ts);
  const file = path.join(repoRoot, 'e2e/conformance/results/sideBySide.md');
  writeFileSync(file, sideBySidePage(go, found));
  const open = found.filter((one) => reasonOf(one) === undefined);
  for (const { where, what, go: theirs, ts: ours } of open) console.log(`${where} ${what}: go ${theirs}, ts ${ours}`);
  console.log(`${found.length} differences, ${open.length} unexplained; all of them in ${file}`);
  if (open.length > 0) process.exitCode = 1;
});
