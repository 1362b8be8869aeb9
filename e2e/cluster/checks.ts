import type { Cluster } from '../../hack/cluster/state.ts';
import { say } from '../../hack/lib/log.ts';
import { run, tryRun } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';

/** What a scenario of its own showed. */
export interface ScenarioResult {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly string[];
}

/** Runs named checks one after the other; a failed one is noted, and the others go on. */
export class Checks {
  #passed = 0;
  readonly #failures: string[] = [];
  readonly #quiet: boolean;

  /** `quiet`: what passes is not printed. */
  constructor({ quiet = false }: { readonly quiet?: boolean } = {}) {
    this.#quiet = quiet;
  }

  /** `work` throws, or returns what is wrong as a text. */
  async check(name: string, work: () => Promise<unknown> | string | undefined): Promise<void> {
    const found = await Promise.resolve()
      .then(work)
      .catch((error: unknown) => (error as Error).message);
    const problem = typeof found === 'string' ? found : '';
    if (problem) this.#failures.push(`${name}: ${problem}`);
    else this.#passed++;
    if (problem || !this.#quiet) say(`${problem ? 'FAILED' : 'ok'} ${name}${problem ? `: ${problem}` : ''}`);
  }

  /** Something went wrong outside the checks. */
  fail(what: unknown): void {
    this.#failures.push((what as Error).message ?? String(what));
  }

  result(): ScenarioResult {
    return { passed: this.#passed, failed: this.#failures.length, failures: this.#failures };
  }
}

/** kubectl as the cluster's administrator; throws with its output when it fails. */
export async function kubectl(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  return run(program, [`--kubeconfig=${cluster.layout.adminKubeconfig}`, ...args]);
}

/** kubectl -o json of one object or a list; undefined when it fails (the object is not there, for instance). */
export async function objectOf<T>(cluster: Cluster, ...args: readonly string[]): Promise<T | undefined> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const all = [`--kubeconfig=${cluster.layout.adminKubeconfig}`, ...args, '-o', 'json'];
  const { code, stdout } = await tryRun(program, all);
  return code === 0 ? (JSON.parse(stdout) as T) : undefined;
}

interface Conditions {
  status?: { conditions?: { type: string; status: string }[] };
}

/** Waits until a condition of an object is True. */
export async function untilCondition(
  cluster: Cluster,
  object: readonly string[],
  type: string,
  timeout = 60_000,
): Promise<void> {
  await waitFor(`${object.join(' ')} to be ${type}`, { timeout, interval: 500 }, async () => {
    const found = await objectOf<Conditions>(cluster, 'get', ...object);
    return found?.status?.conditions?.some((each) => each.type === type && each.status === 'True');
  });
}

/** Makes a small Pod on a node, waits until it is Ready and removes it again. */
export async function runPod(cluster: Cluster, node: string, name: string): Promise<void> {
  await startPod(cluster, node, name);
  await kubectl(cluster, 'delete', 'pod', name, '--wait=true', '--timeout=60s');
}

/** Makes a small Pod on a node and waits until it is Ready. */
export async function startPod(cluster: Cluster, node: string, name: string): Promise<void> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: 'busybox:1.37', command: ['sleep', '1000'] }],
    },
  };
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const admin = `--kubeconfig=${cluster.layout.adminKubeconfig}`;
  // The clusters of hack/cluster have it when they are up; one of kubeadm's need not.
  await waitFor('the default service account', { timeout: 30_000 }, () =>
    objectOf(cluster, 'get', 'serviceaccount', 'default'),
  );
  await run(program, [admin, 'apply', '-f', '-'], { input: JSON.stringify(pod) });
  await untilCondition(cluster, ['pod', name], 'Ready', 90_000);
}
