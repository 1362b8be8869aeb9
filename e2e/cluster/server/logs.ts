// kubectl logs: options, previous containers, rotation, followers.
import { waitFor } from '../../../hack/lib/wait.ts';
import { kubectlOk, kubectlRaw, makePod, onNode, removePods, type Stage, same } from './stage.ts';

/** The options of kubectl logs on a container that has written six lines. */
export async function logs(stage: Stage): Promise<void> {
  const { checks } = stage;
  await makePod(stage, 'srv-l', 'for i in 1 2 3 4 5; do echo line $i; done; sleep 0.5; echo wrong >&2; exec cat', {
    container: { stdin: true },
  });
  const read = async (...args: string[]) => (await kubectlRaw(stage, ['logs', 'srv-l', ...args])).stdout;
  const all = 'line 1\nline 2\nline 3\nline 4\nline 5\nwrong\n';
  await waitFor('six lines', { timeout: 30_000 }, async () => (await read('-c', 'main')).includes('wrong'));
  const rows: [name: string, args: string[], expected: string][] = [
    ['all of it, both streams', ['-c', 'main'], all],
    ['-c of another container', ['-c', 'side'], 'side\n'],
    ['--tail', ['-c', 'main', '--tail=2'], 'line 5\nwrong\n'],
    ['--limit-bytes', ['-c', 'main', '--limit-bytes=8'], 'line 1\nl'],
    ['--since far back', ['-c', 'main', '--since=1h'], all],
    ['--since-time in the future', ['-c', 'main', '--since-time=2999-01-01T00:00:00Z'], ''],
  ];
  for (const [name, args, expected] of rows)
    await checks.check(`logs: ${name}`, async () => same(await read(...args), expected));
  await checks.check('logs --timestamps have nine digits', async () => {
    const lines = (await read('-c', 'main', '--timestamps')).trim().split('\n');
    return lines.every((l) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z /.test(l)) ? undefined : lines.join('|');
  });
  await checks.check('logs --previous of a container that never ended', async () => {
    const { stderr } = await kubectlRaw(stage, ['logs', 'srv-l', '-c', 'main', '--previous']);
    return stderr.includes('previous terminated container "main" in pod "srv-l" not found') ? undefined : stderr;
  });
  await removePods(stage, 'srv-l');
}

/** Logs of the container before, and of one that never was. */
export async function previousLogs(stage: Stage): Promise<void> {
  const { checks } = stage;
  await makePod(stage, 'srv-b', 'echo run $(date +%s); sleep 1; exit 3', { ready: false });
  await makePod(stage, 'srv-c', 'true', { ready: false, container: { image: 'nowhere.invalid/none:1' } });
  await waitFor('a restart', { timeout: 120_000 }, async () => {
    const status = '{.status.containerStatuses[?(@.name=="main")].restartCount}';
    return Number(await kubectlOk(stage, 'get', 'pod', 'srv-b', '-o', `jsonpath=${status}`)) > 0;
  });
  await checks.check('logs --previous is the log of the container before', async () => {
    const { stdout } = await kubectlRaw(stage, ['logs', 'srv-b', '-c', 'main', '--previous']);
    return /^run \d+\n$/.test(stdout) ? undefined : stdout;
  });
  await checks.check('logs of a container without an image say why there are none', async () => {
    const sentence =
      /container "main" in pod "srv-c" is waiting to start: (image can't be pulled|trying and failing to pull image)/;
    let said = '';
    await waitFor('the sentence', { timeout: 60_000 }, async () => {
      said = (await kubectlRaw(stage, ['logs', 'srv-c', '-c', 'main'])).stderr;
      return sentence.test(said);
    }).catch(() => undefined);
    return sentence.test(said) ? undefined : said;
  });
  await removePods(stage, 'srv-b', 'srv-c');
}

/**
 * 60,000 lines over some twelve rotations (the kubelet must have been started with logs of 200Ki, 3 files): a follower that is there
 * from the start gets each one, once and in order.
 */
export async function rotation(stage: Stage): Promise<void> {
  const { cluster, namespace, checks } = stage;
  const script =
    'i=0; while [ $i -lt 60000 ]; do i=$((i+1)); echo "number $i"; [ $((i%500)) = 0 ] && sleep 0.1; done; sleep 2';
  await makePod(stage, 'srv-r', script, { pod: { restartPolicy: 'Never' } });
  await checks.check('logs -f loses no line over rotations and ends with the container', async () => {
    const { stdout, code } = await kubectlRaw(stage, ['logs', '-f', 'srv-r', '-c', 'main']);
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
    const glob = `/var/log/pods/${namespace}_srv-r_*/main`;
    const names = (await onNode(cluster, 'node', 'sh', '-c', `ls ${glob}`)).stdout.trim().split('\n').sort();
    const good = names.length === 3 && names[0] === '0.log' && /^0\.log\.\d{8}-\d{6}\.gz$/.test(names[1] ?? '');
    return good ? undefined : names.join(' ');
  });
  await removePods(stage, 'srv-r');
}
