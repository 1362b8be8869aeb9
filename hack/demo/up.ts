// npm run up: from a fresh checkout to running Pods under kubelet-ts. See the usage text in options.ts.
import path from 'node:path';
import { bringUp } from '../cluster/bringUp.ts';
import { builtRuntime, quickRuntime, type RuntimePrograms, systemRuntime } from '../cluster/runtime.ts';
import { main, say } from '../lib/log.ts';
import { repoRoot } from '../lib/paths.ts';
import { tryRun } from '../lib/run.ts';
import { type DemoOptions, demoOptions, usage } from './options.ts';
import { showNextSteps, showTimeline } from './show.ts';
import { runStaticPod, showStandaloneSteps } from './standalone.ts';
import { runWorkload } from './workload.ts';

function chooseRuntime(options: DemoOptions): Promise<RuntimePrograms> {
  if (options.runtime === 'system') return systemRuntime();
  return options.standalone && options.runtime === 'auto' ? quickRuntime() : builtRuntime();
}

/** Runs nothing but kubelet-ts, in the foreground, until it ends. */
async function runAlone({ kubeconfig, endpoint, flags }: NonNullable<DemoOptions['external']>): Promise<void> {
  const args = [`--kubeconfig=${kubeconfig}`, `--container-runtime-endpoint=${endpoint}`, ...flags];
  say(`kubelet-ts ${args.join(' ')}`);
  // Ctrl-C goes to the whole foreground group: kubelet-ts decides when it ends, and this program ends with it.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => {});
  const { code } = await tryRun(path.join(repoRoot, 'hack/bin/kubelet-ts'), args, { inherit: true });
  process.exitCode = code;
}

await main(async () => {
  const options = demoOptions(process.argv.slice(2));
  if (!options) {
    console.log(usage);
    return;
  }
  if (options.external) {
    await runAlone(options.external);
    return;
  }
  const { name, kubelet, standalone } = options;
  const runtime = await chooseRuntime(options);
  const cluster = await bringUp({ name, kubelet, controlPlane: !standalone, runtime });
  if (standalone) {
    await runStaticPod(cluster);
    await showTimeline(cluster, `default/counter-${cluster.layout.nodeName}`);
    showStandaloneSteps(cluster);
    return;
  }
  await runWorkload(cluster);
  await showTimeline(cluster, 'default/counter');
  showNextSteps(cluster);
});
