// How long a resize takes (patch → cgroup written → status) with the null agent, the Go kubelet and kubelet-ts, taking turns on one node.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp } from '../cluster/bringUp.ts';
import { inside } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { tearDown } from '../cluster/tearDown.ts';
import { main, say } from '../lib/log.ts';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { withAgent } from './agents.ts';
import { quantile } from './report.ts';

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'bench-resizes' },
    rounds: { type: 'string', default: '4' },
    count: { type: 'string', default: '10' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const help = `node hack/bench/resizes.ts [--rounds 4] [--count 10] [--name bench-resizes]
Resizes one Pod up and down, under the null agent, the Go kubelet and kubelet-ts in turns; prints medians and what is above the null agent.`;

const agents = ['null', 'go', 'ts'] as const;
type Resizer = (typeof agents)[number];

/** Resizes of each turn that do not count: a node agent runs for weeks, and what code costs that was never run is not asked here. */
const warmUps = 20;

/** Milliseconds from the request. */
interface Resizes {
  readonly cgroups: number[];
  readonly statuses: number[];
}

async function measure(cluster: Cluster, prefix: string): Promise<Resizes> {
  const { layout } = cluster;
  const argv = [
    ...[process.execPath, path.join(repoRoot, 'hack/bench/measureResizes.ts')],
    ...['--kubeconfig', layout.insideKubeconfig, '--node', layout.nodeName, '--cgroup', layout.cgroup],
    ...['--count', String(warmUps + Number(values.count)), '--prefix', prefix],
  ];
  const [command = '', ...rest] = inside(cluster, 'network', argv, repoRoot);
  const output = await run(command, rest);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Resizes;
}

await main(async () => {
  if (values.help) return console.log(help);
  const cluster = await bringUp({ name: values.name, kubelet: 'none', controlPlane: true });
  const all = Object.fromEntries(agents.map((agent) => [agent, { cgroups: [], statuses: [] }])) as unknown as Record<
    Resizer,
    Resizes
  >;
  try {
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const agent of round % 2 === 1 ? agents : agents.toReversed()) {
        const found = await withAgent(cluster, agent, {}, () => measure(cluster, `${agent}-${round}`));
        const [cgroups, statuses] = [found.cgroups.slice(warmUps), found.statuses.slice(warmUps)];
        all[agent].cgroups.push(...cgroups);
        all[agent].statuses.push(...statuses);
        const medians = [cgroups, statuses].map((list) => quantile(list, 0.5).toFixed(0));
        say(`round ${round}: ${agent}: cgroup after ${medians[0]} ms, status after ${medians[1]} ms`);
      }
    }
  } finally {
    await tearDown(values.name);
  }
  console.log(
    '| patch → | null p50 ms | go | ts | × go | above null, × go | go p90 | ts p90 |\n|---|--:|--:|--:|--:|--:|--:|--:|',
  );
  for (const what of ['cgroups', 'statuses'] as const) {
    const at = (q: number) => agents.map((agent) => quantile(all[agent][what], q)) as [number, number, number];
    const [[none, go, ts], [, goSlow, tsSlow]] = [at(0.5), at(0.9)];
    const times = [none, go, ts].map((ms) => ms.toFixed(0));
    const ratios = [ts / go, (ts - none) / (go - none)].map((ratio) => ratio.toFixed(2));
    const slow = [goSlow, tsSlow].map((ms) => ms.toFixed(0));
    console.log(`| ${[what === 'cgroups' ? 'cgroup' : 'status', ...times, ...ratios, ...slow].join(' | ')} |`);
  }
});
