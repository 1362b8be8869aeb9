// What a user does with a Pod through the API server: exec, logs, port-forward.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Cluster } from '../../hack/cluster/state.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { kubectl } from '../cluster/checks.ts';

/** Runs something in a busybox Pod (default namespace), reads its log and a port of it. Throws when one does not come to pass. */
export async function reached(cluster: Cluster, pod: string): Promise<void> {
  const script = 'echo from within; echo into the log > /proc/1/fd/1';
  assert.equal(await kubectl(cluster, 'exec', pod, '--', 'sh', '-c', script), 'from within\n');
  await waitFor('the line in the log', { timeout: 30_000 }, async () =>
    (await kubectl(cluster, 'logs', pod, '--tail=1')).includes('into the log'),
  );
  await forwarded(cluster, pod);
}

/** A server in the Pod, started once by exec, asked through kubectl port-forward. */
async function forwarded(cluster: Cluster, pod: string): Promise<void> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const serve = 'mkdir -p /tmp/www; echo forwarded > /tmp/www/index.html; httpd -p 8080 -h /tmp/www 2>/dev/null; true';
  await kubectl(cluster, 'exec', pod, '--', 'sh', '-c', serve);
  const args = [`--kubeconfig=${cluster.layout.adminKubeconfig}`, 'port-forward', `pod/${pod}`, ':8080'];
  const forward = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    let said = '';
    for (const stream of [forward.stdout, forward.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk;
      });
    const port = await waitFor('port-forward to listen', { timeout: 30_000 }, () => {
      if (forward.exitCode !== null) throw new Error(`port-forward ended: ${said}`);
      return /127\.0\.0\.1:(\d+) ->/.exec(said)?.[1];
    });
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'forwarded\n');
  } finally {
    const ended = once(forward, 'exit');
    forward.kill('SIGTERM');
    await ended;
  }
}
