// The kubelet's server through kubectl and the API server. Run alone: node e2e/cluster/server.e2e.ts [NAME of a cluster that is up]
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bringUp } from '../../hack/cluster/bringUp.ts';
import { openCluster, startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { inside } from '../../hack/cluster/service.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { tryRun } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { Checks, kubectl, type ScenarioResult } from './checks.ts';
import { fetched, forward, held, kubectlRaw, makePod, openLog } from './serverHelp.ts';

/** Everything; the cluster keeps running and keeps none of its Pods. The kubelet is started again with small logs. */
export async function run(cluster: Cluster): Promise<ScenarioResult> {
  const checks = new Checks();
  const made: string[] = [];
  const pod: typeof makePod = (on, name, ...rest) => {
    made.push(name);
    return makePod(on, name, ...rest);
  };
  try {
    await restart(cluster, {
      containerLogMaxSize: '200Ki',
      containerLogMaxFiles: 3,
      containerLogMonitorInterval: '3s',
    });
    await pod(cluster, 'srv-a', 'for i in 1 2 3 4 5; do echo line $i; done; sleep 0.5; echo wrong >&2; exec cat', {
      container: { stdin: true },
    });
    await logs(cluster, checks);
    await previousLogs(cluster, checks, pod);
    await rotation(cluster, checks, pod);
    await commands(cluster, checks);
    await files(cluster, checks);
    await ports(cluster, checks, pod);
    await proxied(cluster, checks);
    await rights(cluster, checks);
    await manyStreams(cluster, checks, pod);
  } catch (error) {
    checks.fail(error);
  } finally {
    if (made.length > 0) await kubectl(cluster, 'delete', 'pod', ...made, '--ignore-not-found', '--timeout=60s');
    await restart(cluster);
  }
  return checks.result();
}

async function restart(cluster: Cluster, config?: object): Promise<void> {
  await stopKubelet(cluster);
  await startKubelet(cluster, 'ts', config ? { config } : {});
  await waitForNodeReady(cluster);
  await waitFor('the server', { timeout: 30_000 }, async () => {
    const { code } = await kubectlRaw(cluster, ['get', '--raw', proxy(cluster, 'healthz')]);
    return code === 0;
  });
}

const proxy = (cluster: Cluster, rest: string) => `/api/v1/nodes/${cluster.layout.nodeName}/proxy/${rest}`;
const same = (found: string, wanted: string) =>
  found === wanted ? undefined : `${JSON.stringify(found.slice(0, 300))} instead of ${JSON.stringify(wanted)}`;
const sha = (data: Buffer) => createHash('sha256').update(data).digest('hex');

async function logs(cluster: Cluster, checks: Checks): Promise<void> {
  const read = async (...args: string[]) => (await kubectlRaw(cluster, ['logs', 'srv-a', ...args])).stdout;
  const all = 'line 1\nline 2\nline 3\nline 4\nline 5\nwrong\n';
  await checks.check('logs: all of it, both streams', async () => same(await read('-c', 'main'), all));
  await checks.check('logs -c of another container', async () => same(await read('-c', 'side'), 'side\n'));
  await checks.check('logs --tail', async () => same(await read('-c', 'main', '--tail=2'), 'line 5\nwrong\n'));
  await checks.check('logs --limit-bytes', async () => same(await read('-c', 'main', '--limit-bytes=8'), 'line 1\nl'));
  await checks.check('logs --since far back', async () => same(await read('-c', 'main', '--since=1h'), all));
  await checks.check('logs --since-time in the future', async () =>
    same(await read('-c', 'main', '--since-time=2999-01-01T00:00:00Z'), ''),
  );
  await checks.check('logs --timestamps have nine digits', async () => {
    const lines = (await read('-c', 'main', '--timestamps')).trim().split('\n');
    return lines.every((l) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /.test(l)) ? undefined : lines.join('|');
  });
  await checks.check('logs --previous of a container that never ended', async () => {
    const { stderr } = await kubectlRaw(cluster, ['logs', 'srv-a', '-c', 'main', '--previous']);
    return stderr.includes('previous terminated container "main" in pod "srv-a" not found') ? undefined : stderr;
  });
}

async function previousLogs(cluster: Cluster, checks: Checks, pod: typeof makePod): Promise<void> {
  await pod(cluster, 'srv-b', 'echo run $(date +%s); sleep 1; exit 3', { ready: false });
  await waitFor('a restart', { timeout: 60_000 }, async () => {
    const status = '{.status.containerStatuses[?(@.name=="main")].restartCount}';
    return Number(await kubectl(cluster, 'get', 'pod', 'srv-b', '-o', `jsonpath=${status}`)) > 0;
  });
  await checks.check('logs --previous is the log of the container before', async () => {
    const { stdout } = await kubectlRaw(cluster, ['logs', 'srv-b', '-c', 'main', '--previous']);
    return /^run \d+\n$/.test(stdout) ? undefined : stdout;
  });
  await pod(cluster, 'srv-c', 'true', { ready: false, container: { image: 'nowhere.invalid/none:1' } });
  await checks.check('logs of a container without an image say why there are none', async () => {
    let said = '';
    await waitFor('the sentence', { timeout: 30_000 }, async () => {
      said = (await kubectlRaw(cluster, ['logs', 'srv-c', '-c', 'main'])).stderr;
      return /container "main" in pod "srv-c" is waiting to start: (image can't be pulled|trying and failing to pull image)/.test(
        said,
      );
    }).catch(() => undefined);
    return said.includes('pull') ? undefined : said;
  });
}

/** 60,000 lines over some twelve rotations: a follower that is there from the start gets each one, once and in order. */
async function rotation(cluster: Cluster, checks: Checks, pod: typeof makePod): Promise<void> {
  const script =
    'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo "number $i"; [ $((i%500)) = 0 ] && sleep 0.1; done; sleep 2';
  await pod(cluster, 'srv-r', script, { pod: { restartPolicy: 'Never' } });
  await checks.check('logs -f loses no line over rotations and ends with the container', async () => {
    const { stdout, code } = await kubectlRaw(cluster, ['logs', '-f', 'srv-r', '-c', 'main']);
    const numbers = stdout
      .trim()
      .split('\n')
      .map((l) => Number(l.slice(7)));
    const first = numbers[0] ?? 0;
    const wrong = numbers.findIndex((n, i) => n !== first + i);
    if (code !== 0) return `exit code ${code}`;
    if (wrong >= 0) return `after ${numbers[wrong - 1]} came ${numbers[wrong]}`;
    return numbers.at(-1) === 60_000 ? undefined : `the last was ${numbers.at(-1)}`;
  });
  await checks.check('the log was rotated, three files are left, the oldest compressed', async () => {
    const glob = '/var/log/pods/default_srv-r_*/main';
    const [command = '', ...args] = inside(cluster, 'node', ['sh', '-c', `ls ${glob}`]);
    const names = (await tryRun(command, args)).stdout.trim().split('\n').sort();
    const good = names.length === 3 && names[0] === '0.log' && /^0\.log\.\d{8}-\d{6}\.gz$/.test(names[1] ?? '');
    return good ? undefined : names.join(' ');
  });
}

async function commands(cluster: Cluster, checks: Checks): Promise<void> {
  const exec = (args: string[], input?: Buffer) =>
    kubectlRaw(
      cluster,
      ['exec', ...(input ? ['-i'] : []), 'srv-a', '-c', 'main', '--', ...args],
      input ? { input } : {},
    );
  await checks.check('exec: output, errors and exit code', async () => {
    const { stdout, stderr, code } = await exec(['sh', '-c', 'echo out; echo err >&2; exit 42']);
    return stdout === 'out\n' && stderr.startsWith('err\n') && code === 42 ? undefined : `${stdout}${stderr}${code}`;
  });
  await checks.check('exec of what does not exist', async () => {
    const { stderr, code } = await exec(['/no/such/program']);
    return code !== 0 && /no such file or directory/.test(stderr) ? undefined : stderr;
  });
  await checks.check('100 MB through the standard input of exec are unharmed', async () => {
    const data = randomBytes(100_000_000);
    const { stdout } = await exec(['sha256sum'], data);
    return same(stdout.split(' ')[0] ?? '', sha(data));
  });
  await checks.check('30 MB through standard input and output are unharmed', async () => {
    const data = randomBytes(30_000_000);
    const { bytes } = await exec(['cat'], data);
    return same(sha(bytes), sha(data));
  });
  await checks.check('attach -i reaches the process and shows its answer', async () => {
    const { stdout } = await kubectlRaw(cluster, ['attach', '-i', '-q', 'srv-a', '-c', 'main'], {
      input: Buffer.from('hello\n'),
    });
    return stdout.includes('hello') ? undefined : stdout;
  });
  await checks.check('debug starts an ephemeral container and attaches to it', async () => {
    const args = [
      'debug',
      '-q',
      '-i',
      'srv-b',
      '--image=busybox:1.37',
      '--profile=general',
      '--',
      'sh',
      '-c',
      'read word; echo debugged $word',
    ];
    const { stdout, stderr } = await kubectlRaw(cluster, args, { input: Buffer.from('in\n') });
    return stdout.includes('debugged in') ? undefined : stdout + stderr;
  });
  await checks.check('200 execs leave nothing behind', async () => {
    for (let i = 0; i < 4; i++) await exec(['true']);
    const before = held(cluster);
    const work = async () => {
      for (let i = 0; i < 50; i++) if ((await exec(['true'])).code !== 0) throw new Error('an exec failed');
    };
    await Promise.all([work(), work(), work(), work()]);
    return settled(cluster, before);
  });
}

/** Waits until descriptors are back where they were; otherwise says what is too many. Idle connections of the API server may stay. */
async function settled(cluster: Cluster, before: ReturnType<typeof held>): Promise<string | undefined> {
  try {
    await waitFor('descriptors', { timeout: 100_000, interval: 1000 }, () => held(cluster).fds <= before.fds + 5);
    return undefined;
  } catch {
    return `before ${JSON.stringify(before)}, after ${JSON.stringify(held(cluster))}`;
  }
}

async function files(cluster: Cluster, checks: Checks): Promise<void> {
  const dir = mkdtempSync(path.join(tmpdir(), 'server-e2e-'));
  await checks.check('cp both ways', async () => {
    const data = randomBytes(5_000_000);
    const [there, back] = [path.join(dir, 'there'), path.join(dir, 'back')];
    writeFileSync(there, data);
    await kubectl(cluster, 'cp', there, 'srv-a:/tmp/data', '-c', 'main');
    await kubectl(cluster, 'cp', 'srv-a:/tmp/data', back, '-c', 'main');
    return same(sha(readFileSync(back)), sha(data));
  });
  rmSync(dir, { recursive: true });
}

async function ports(cluster: Cluster, checks: Checks, pod: typeof makePod): Promise<void> {
  const serve = 'head -c 300000 /dev/urandom > /tmp/f; sha256sum /tmp/f; exec httpd -f -p 7000 -h /tmp';
  await pod(cluster, 'srv-p', serve);
  const before = held(cluster);
  await checks.check('port-forward: 60 connections at once, and one that ends its side before the answer', async () => {
    const wanted = (await kubectl(cluster, 'logs', 'srv-p', '-c', 'main')).split(' ')[0] ?? '';
    using local = await forward(cluster, 'srv-p', 7000);
    await waitFor('the file', { timeout: 20_000 }, async () => sha(await fetched(local.port, 'f')) === wanted);
    const bodies = await Promise.all(Array.from({ length: 60 }, () => fetched(local.port, 'f')));
    const wrong = bodies.filter((body) => sha(body) !== wanted).length;
    if (wrong > 0) return `${wrong} of 60 came back changed`;
    const half = await fetched(local.port, 'f', true);
    return sha(half) === wanted ? undefined : `half-closed: ${half.length} bytes`;
  });
  await checks.check('nothing of port-forward is left', () => settled(cluster, before));
}

async function proxied(cluster: Cluster, checks: Checks): Promise<void> {
  const get = async (rest: string) => (await kubectlRaw(cluster, ['get', '--raw', proxy(cluster, rest)])).stdout;
  const contains: Record<string, string> = {
    healthz: 'ok',
    configz: '"kubeletconfig":{"kind":"KubeletConfiguration"',
    pods: '"kind":"PodList"',
    'runningpods/': '"name":"srv-a"',
    'logs/': '<a href="pods/">pods/</a>',
    metrics: 'kubelet_running_pods',
    'metrics/resource': 'container_cpu_usage_seconds_total{container="main"',
    'metrics/probes': 'process_start_time_seconds',
    'metrics/slis': 'kubernetes_healthcheck',
    'stats/summary': '"podRef":{"name":"srv-a"',
    'debug/pods/default/srv-c/why': 'srv-c',
  };
  for (const [rest, text] of Object.entries(contains)) {
    await checks.check(`get --raw …/proxy/${rest}`, async () => {
      const found = await get(rest);
      return found.includes(text) ? undefined : found.slice(0, 300);
    });
  }
}

/** Straight to the node, past the API server. */
async function rights(cluster: Cluster, checks: Checks): Promise<void> {
  const ask = async (target: string, ...args: string[]) => {
    const curl = ['curl', '-sk', '--path-as-is', '-w', ' %{http_code}', ...args, `https://172.30.0.10:10250${target}`];
    const [command = '', ...rest] = inside(cluster, 'network', curl);
    return (await tryRun(command, rest)).stdout;
  };
  const token = (await kubectl(cluster, 'create', 'token', 'default')).trim();
  const admin = [
    '--cert',
    path.join(cluster.layout.pki, 'admin.crt'),
    '--key',
    path.join(cluster.layout.pki, 'admin.key'),
  ];
  await checks.check('without credentials: 401', async () => same(await ask('/pods'), 'Unauthorized 401'));
  await checks.check('with a token that nobody issued: 401', async () =>
    same(await ask('/pods', '-H', 'Authorization: Bearer nonsense'), 'Unauthorized 401'),
  );
  await checks.check('with a token without rights: 403', async () => {
    const found = await ask('/exec/default/srv-a/main?command=id&output=1', '-H', `Authorization: Bearer ${token}`);
    const user = 'user=system:serviceaccount:default:default, verb=get, resource=nodes, subresource(s)=[proxy]';
    return same(found, `Forbidden (${user})\n 403`);
  });
  await checks.check('with a client certificate: 200', async () => same(await ask('/healthz', ...admin), 'ok 200'));
  for (const target of [
    '/logs/../../etc/passwd',
    '/logs/..%2f..%2fetc/passwd',
    '/logs/%2e%2e/%2e%2e/etc/passwd',
    '/logs//etc/passwd',
  ]) {
    await checks.check(`${target} is refused`, async () => {
      const found = await ask(target, ...admin);
      return / 40[04]$/.test(found) && !found.includes('root:') ? undefined : found.slice(0, 200);
    });
  }
}

async function manyStreams(cluster: Cluster, checks: Checks, pod: typeof makePod): Promise<void> {
  await pod(cluster, 'srv-m', 'n=0; while true; do n=$((n+1)); echo tick $n; sleep 0.5; done');
  const before = held(cluster);
  await checks.check('200 followers at once, and memory and descriptors come back', async () => {
    const open = await Promise.all(
      Array.from({ length: 200 }, () => openLog(cluster, 'srv-m', 'follow=true&tailLines=1')),
    );
    const seen = open.map(() => 0);
    for (const [i, answer] of open.entries())
      answer.on('data', () => (seen[i] = (seen[i] ?? 0) + 1)).on('error', () => {});
    await waitFor('lines for everybody', { timeout: 30_000 }, () => seen.every((n) => n >= 3));
    for (const answer of open) answer.destroy();
    const left = await settled(cluster, before);
    const grown = held(cluster).rssMiB - before.rssMiB;
    return left ?? (grown < 60 ? undefined : `${grown.toFixed(0)} MiB more than before`);
  });
  await pod(cluster, 'srv-f', 'yes "a line that is neither short nor long, but there are many of it"');
  await checks.check('a follower that does not read costs no memory', async () => {
    const start = held(cluster).rssMiB;
    const answers = await Promise.all(Array.from({ length: 5 }, () => openLog(cluster, 'srv-f', 'follow=true')));
    let most = 0;
    const end = performance.now() + 10_000;
    await waitFor('ten seconds', { timeout: 20_000, interval: 250 }, () => {
      most = Math.max(most, held(cluster).rssMiB - start);
      return performance.now() > end;
    });
    for (const answer of answers) answer.destroy();
    return most < 80 ? undefined : `${most.toFixed(0)} MiB more`;
  });
}

if (import.meta.main) {
  const given = process.argv[2];
  const name = given ?? 'server-e2e';
  const cluster = given ? await openCluster(given) : await bringUp({ name, kubelet: 'ts', controlPlane: true });
  const { passed, failed, failures } = await run(cluster);
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${passed} passed, ${failed} failed`);
  if (!given) await tearDown(name);
  process.exitCode = failed === 0 ? 0 : 1;
}
