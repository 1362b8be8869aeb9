import { appendFileSync, createReadStream, createWriteStream, existsSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Cluster } from '../../hack/cluster/state.ts';
import { tryRun } from '../../hack/lib/run.ts';
import type { Tools } from '../../hack/tools/ensure.ts';
import { junit } from './junit.ts';
import { bySpec, type Result, verdictOf } from './results.ts';

/**
 * The directory of a run, as programs that take conformance results expect it: junit_01.xml, e2e.log and version.txt; besides, a
 * directory for each process of a suite, and failed/ with the output of each failed spec. A run that is resumed goes on in it.
 */
export class RunDirectory {
  readonly path: string;
  private number: number;

  constructor(directory: string) {
    this.path = directory;
    this.number = existsSync(directory) ? readdirSync(directory).filter((name) => /^batch-\d+$/.test(name)).length : 0;
  }

  /** The directory for the next process. */
  nextBatch(): string {
    return path.join(this.path, `batch-${++this.number}`);
  }

  /** Adds a process' output to e2e.log, once it has ended: what processes side by side print is not mixed. */
  async addLog(batch: string): Promise<void> {
    const log = path.join(batch, 'suite.log');
    if (!existsSync(log)) return;
    await pipeline(createReadStream(log), createWriteStream(this.file('e2e.log'), { flags: 'a' }));
  }

  /** Writes junit_01.xml: one case a spec, what its runs come to. */
  writeJunit(results: readonly Result[]): void {
    const verdicts = [...bySpec(results).values()].flatMap((list) => verdictOf(list)?.last ?? []);
    writeFileSync(this.file('junit_01.xml'), junit(verdicts));
    if (!existsSync(this.file('e2e.log'))) appendFileSync(this.file('e2e.log'), '');
  }

  /** Writes version.txt: what kubectl says of itself and of the API server, and which kubelet each node has. */
  async writeVersion(cluster: Cluster, tools: Tools, commit: string): Promise<void> {
    const kubectl = async (...args: string[]): Promise<string> => {
      const { stdout } = await tryRun(tools.bin('kubectl'), [
        `--kubeconfig=${cluster.layout.adminKubeconfig}`,
        ...args,
      ]);
      return stdout.trimEnd();
    };
    const column = '{range .items[*]}{.metadata.name}: {.status.nodeInfo.kubeletVersion}{"\\n"}{end}';
    const lines = [await kubectl('version'), await kubectl('get', 'nodes', '-o', `jsonpath=${column}`)];
    const which = cluster.state.kubelet === 'ts' ? `kubelet-ts at ${commit}` : 'the Go kubelet';
    writeFileSync(this.file('version.txt'), `${lines.join('\n')}\nkubelet: ${which}\n`);
  }

  private file(name: string): string {
    return path.join(this.path, name);
  }
}
