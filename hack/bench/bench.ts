import { parseArgs } from 'node:util';
import { bringUp } from '../cluster/bringUp.ts';
import type { Cluster } from '../cluster/state.ts';
import { tearDown } from '../cluster/tearDown.ts';
import { main, say } from '../lib/log.ts';
import { type Agent, measure, type Sample, withAgent } from './agents.ts';
import { needsDriver } from './claims.ts';
import { driverRegistered, startCsiDriver } from './csiDriver.ts';
import { type Shape, shapes } from './pods.ts';
import { burstTable, type Row, ratioTable } from './report.ts';

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'bench' },
    rounds: { type: 'string', default: '4' },
    count: { type: 'string', default: '6' },
    burst: { type: 'string', default: '30' },
    agents: { type: 'string' },
    before: { type: 'string' },
    shapes: { type: 'string', default: 'plain,volumes' },
    'skip-burst': { type: 'boolean', default: false },
    crowd: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const help = `npm run bench [-- --rounds 4] [--count 6] [--burst 30] [--skip-burst] [--agents null,go,ts] [--before BUNDLE] [--shapes plain,volumes]
Starts and deletes Pods one at a time, plain and with volumes, under the null agent (the least that any kubelet must do), the Go
kubelet and kubelet-ts, taking turns on one containerd; then a burst at gate limits 2, 4, 8 and none. Prints ratios: this machine's
speed changes within minutes, so times of one agent alone mean nothing.
--shapes: also claim (a claim for a CSI driver's volume), claims (that, a local and a hostPath one) and fifty (claims for a CSI driver's).
--crowd 200: only this: so many Pods at once, each with a claim for a CSI driver's volume, under the Go kubelet and under kubelet-ts.
--before BUNDLE: the kubelet-ts.mjs of another checkout takes turns with this one (instead of the Go kubelet, unless --agents names it).`;

const wanted = values.shapes.split(',').map((name): Shape => {
  const shape = shapes.find((one) => one === name);
  if (!shape) throw new Error(`--shapes ${values.shapes}: choose of ${shapes.join(', ')}`);
  return shape;
});

/** Pods before the first measured one of a turn. */
const warmUps = 20;

/** One turn of every agent, another one first each time; repeated, so that a slow minute hits all of them. */
async function round(cluster: Cluster, agents: readonly Agent[], number: number, rows: Row[]): Promise<void> {
  const first = (number - 1) % agents.length;
  for (const agent of [...agents.slice(first), ...agents.slice(0, first)]) {
    await withAgent(cluster, agent, { before: values.before }, async () => {
      // The later shape of a turn finds warmer code: they take turns too.
      const turn = number % 2 === 1 ? wanted : wanted.toReversed();
      if (agent !== 'null' && wanted.some(needsDriver)) await driverRegistered(cluster);
      for (const shape of turn) {
        // A node agent runs for weeks: its first Pods after a start, with code that was never run, are not what is asked here.
        await measure(
          cluster,
          shape,
          { count: shape === turn[0] && shape !== 'fifty' ? warmUps : 1 },
          `warm-${agent}-${shape}-${number}`,
        );
        const sample = await measure(cluster, shape, { count: Number(values.count) }, `${agent}-${shape}-${number}`);
        rows.push({ agent, shape, sample });
        say(
          `round ${number}: ${agent}, ${shape}: start ${median(sample.starts)} ms, delete ${median(sample.deletes)} ms`,
        );
      }
    });
  }
}

async function bursts(cluster: Cluster): Promise<{ label: string; sample: Sample }[]> {
  const found: { label: string; sample: Sample }[] = [];
  const size = Number(values.burst);
  const limits = [2, 4, 8, 1000];
  const turn = async (label: string, agent: Agent, args: readonly string[]) => {
    await withAgent(cluster, agent, { args, before: values.before }, async () => {
      await measure(cluster, 'plain', { count: 1 }, `warm-${found.length}`);
      const sample = await measure(cluster, 'plain', { burst: size }, `burst-${found.length}`);
      found.push({ label, sample });
      say(
        `burst of ${size}, ${label}: p50 ${median(sample.starts)} ms, last ${Math.round(Math.max(...sample.starts))} ms`,
      );
    });
  };
  for (let repeat = 0; repeat < 2; repeat++) {
    await turn('go', 'go', []);
    if (values.before) await turn('before', 'before', []);
    for (const limit of limits)
      await turn(limit === 1000 ? 'ts, no limit' : `ts, limit ${limit}`, 'ts', [`--ts-gate-limit=${limit}`]);
  }
  return found;
}

/** Many Pods at once, each with a claim, under the Go kubelet and kubelet-ts in turns. */
async function crowd(cluster: Cluster, size: number, agents: readonly Agent[]): Promise<void> {
  const starts: { label: string; sample: Sample }[] = [];
  const config = { maxPods: size + 20 };
  for (const agent of agents) {
    await withAgent(cluster, agent, { before: values.before, config }, async () => {
      await driverRegistered(cluster);
      await measure(cluster, 'claim', { count: 3 }, `warm-crowd-${agent}`);
      const sample = await measure(cluster, 'claim', { burst: size }, `crowd-${agent}`);
      starts.push({ label: agent, sample });
      const [up, gone] = [sample.starts, sample.deletes].map((times) => Math.round(Math.max(...times)));
      say(`${size} Pods with a claim each, ${agent}: all Running after ${up} ms, gone after ${gone} ms`);
    });
  }
  const deletes = starts.map(({ label, sample }) => ({ label, sample: { ...sample, starts: sample.deletes } }));
  console.log(burstTable(starts));
  console.log(burstTable(deletes).replace('burst', 'deletion'));
}

function median(list: readonly number[]): number {
  const sorted = [...list].sort((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

await main(async () => {
  if (values.help) return console.log(help);
  const cluster = await bringUp({ name: values.name, kubelet: 'none', controlPlane: true });
  try {
    if (wanted.some(needsDriver) || values.crowd !== undefined) {
      await startCsiDriver(cluster);
      // The provisioner makes nothing before a kubelet has told of the driver's topology; the CSINode keeps it.
      await withAgent(cluster, 'ts', {}, () => driverRegistered(cluster));
    }
    if (values.crowd !== undefined)
      return await crowd(cluster, Number(values.crowd), (values.agents ?? 'go,ts').split(',') as Agent[]);
    const rows: Row[] = [];
    const agents = (values.agents ?? (values.before ? 'null,before,ts' : 'null,go,ts')).split(',') as Agent[];
    for (let i = 1; i <= Number(values.rounds); i++) await round(cluster, agents, i, rows);
    const burst = values['skip-burst'] ? [] : await bursts(cluster);
    console.log(ratioTable(rows));
    if (burst.length > 0) console.log(burstTable(burst));
  } finally {
    await tearDown(values.name);
  }
});
