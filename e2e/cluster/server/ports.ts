// kubectl port-forward.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { waitFor } from '../../../hack/lib/wait.ts';
import { ensureTools } from '../../../hack/tools/ensure.ts';
import { kubectlOk, makePod, removePods, type Stage, sha } from './stage.ts';

/** Many connections at once, and one that ends its side before it hears the answer. */
export async function ports(stage: Stage): Promise<void> {
  const serve = 'head -c 300000 /dev/urandom > /tmp/f; sha256sum /tmp/f; exec httpd -f -p 7000 -h /tmp';
  await makePod(stage, 'srv-p', serve);
  await stage.checks.check('port-forward: 60 connections at once, and one that ends its side first', async () => {
    const wanted = (await kubectlOk(stage, 'logs', 'srv-p', '-c', 'main')).split(' ')[0] ?? '';
    using local = await forward(stage, 'srv-p', 7000);
    await waitFor('the file', { timeout: 60_000 }, async () => sha(await fetched(local.port, 'f')) === wanted);
    const bodies = await Promise.all(Array.from({ length: 60 }, () => fetched(local.port, 'f')));
    const wrong = bodies.filter((body) => sha(body) !== wanted).length;
    if (wrong > 0) return `${wrong} of 60 came back changed`;
    const half = await fetched(local.port, 'f', true);
    return sha(half) === wanted ? undefined : `half-closed: ${half.length} bytes`;
  });
  await stage.checks.check('port-forward to a port where nobody listens ends that connection only', async () => {
    using local = await forward(stage, 'srv-p', 7001);
    const nothing = await fetched(local.port, 'f').catch(() => Buffer.alloc(0));
    return nothing.length === 0 ? undefined : `${nothing.length} bytes`;
  });
  await removePods(stage, 'srv-p');
}

/** The body of a file that a small HTTP server behind a local port serves. `early`: ends its side before the answer. */
function fetched(port: number, file: string, early = false): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const back: Buffer[] = [];
    const get = `GET /${file} HTTP/1.0\r\n\r\n`;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      if (early) socket.end(get);
      else socket.write(get);
    });
    socket.on('data', (chunk: Buffer) => back.push(chunk));
    socket.on('end', () => {
      socket.end();
      const all = Buffer.concat(back);
      resolve(all.subarray(all.indexOf('\r\n\r\n') + 4));
    });
    socket.on('error', reject);
  });
}

/** Opens a port-forward; resolves with the local port when it listens. Disposing ends it. */
async function forward(stage: Stage, pod: string, port: number): Promise<Disposable & { readonly port: number }> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const own = [`--kubeconfig=${stage.cluster.layout.adminKubeconfig}`, `--namespace=${stage.namespace}`];
  const child = spawn(program, [...own, 'port-forward', `pod/${pod}`, `:${port}`]);
  let said = '';
  return new Promise((resolve, reject) => {
    const read = (chunk: Buffer) => {
      said += String(chunk);
      const local = /127\.0\.0\.1:(\d+) ->/.exec(said)?.[1];
      if (local) resolve({ port: Number(local), [Symbol.dispose]: () => child.kill('SIGTERM') });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('close', () => reject(new Error(`port-forward ended: ${said}`)));
  });
}
