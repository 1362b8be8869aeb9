// node hack/cluster/down.ts: removes a cluster without a trace, also after a crash.
import { parseArgs } from 'node:util';
import { main, say } from '../lib/log.ts';
import { clusterNames, layoutOf } from './layout.ts';
import { existsAny, tearDown } from './tearDown.ts';

await main(async () => {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: process.env.KUBELET_TS_CLUSTER ?? 'dev' },
      all: { type: 'boolean', default: false },
      yes: { type: 'boolean', default: false },
    },
  });
  if (values.all && !values.yes) {
    // On a shared machine some of them belong to other people.
    throw new Error(
      `--all would remove ${clusterNames().join(', ') || 'nothing'}; say --all --yes if they are all yours`,
    );
  }
  for (const name of values.all ? clusterNames() : [values.name]) {
    if (!existsAny(layoutOf(name))) {
      say(`there is no cluster called ${name}`);
      continue;
    }
    await tearDown(name);
    say(`cluster ${name} is gone`);
  }
});
