import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import path from 'node:path';
import { runningService } from '../../hack/cluster/service.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { type RunResult, run } from '../../hack/lib/run.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { untilCondition } from './checks.ts';

/** kubectl whose output, exit code and input are looked at. `input` may be large; `until` ends it by a signal. */
export async function kubectlRaw(
  cluster: Cluster,
  args: readonly string[],
  options: { readonly input?: Buffer; readonly until?: (stdout: string) => boolean } = {},
): Promise<RunResult & { readonly bytes: Buffer }> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const child = spawn(program, [`--kubeconfig=${cluster.layout.adminKubeconfig}`, ...args]);
  const out: Buffer[] = [];
  let [text, stderr] = ['', ''];
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      out.push(chunk);
      if (!options.until) return;
      text += String(chunk);
      if (options.until(text)) child.kill('SIGTERM');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += String(chunk);
    });
    child.stdin.on('error', () => {}); // a command that reads no input may be over before it is written
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code) => {
      const bytes = Buffer.concat(out);
      resolve({ code: code ?? 255, stdout: bytes.toString(), stderr, bytes });
    });
  });
}

/** A Pod of one busybox container (or as `spec` says), Ready unless `ready` is false. */
export async function makePod(
  cluster: Cluster,
  name: string,
  script: string,
  spec: { readonly ready?: boolean; readonly container?: object; readonly pod?: object } = {},
): Promise<void> {
  const main = { name: 'main', image: 'busybox:1.37', command: ['sh', '-c', script], ...spec.container };
  const containers = [
    main,
    { name: 'side', image: 'busybox:1.37', command: ['sh', '-c', 'echo side; exec sleep 9999'] },
  ];
  const own = { nodeName: cluster.layout.nodeName, terminationGracePeriodSeconds: 1, containers };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { ...own, ...spec.pod } };
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const admin = `--kubeconfig=${cluster.layout.adminKubeconfig}`;
  await run(program, [admin, 'apply', '-f', '-'], { input: JSON.stringify(pod) });
  if (spec.ready !== false) await untilCondition(cluster, ['pod', name], 'Ready', 90_000);
}

/** What the kubelet's process holds. */
export function held(cluster: Cluster): { readonly fds: number; readonly sockets: number; readonly rssMiB: number } {
  const pid = runningService(cluster, 'kubelet')?.pid;
  if (pid === undefined) throw new Error('the kubelet does not run');
  const fds = readdirSync(`/proc/${pid}/fd`);
  const sockets = readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .filter((line) => / 01 /.test(line)).length;
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { fds: fds.length, sockets, rssMiB: Number(rss) / 1024 };
}

/** A log request to the API server as its administrator; the answer is not read until the caller does. */
export function openLog(cluster: Cluster, pod: string, query: string): Promise<IncomingMessage> {
  const pki = (file: string): Buffer => readFileSync(path.join(cluster.layout.pki, file));
  const identity = { ca: pki('ca.crt'), cert: pki('admin.crt'), key: pki('admin.key') };
  const target = `/api/v1/namespaces/default/pods/${pod}/log?container=main&${query}`;
  return new Promise((resolve, reject) => {
    const own = { host: '127.0.0.1', port: cluster.state.apiPort, path: target, agent: false };
    const sent = request({ ...own, ...identity }, resolve);
    sent.on('error', reject);
    sent.end();
  });
}

/** The body of a file that a small HTTP server behind a local port serves. `early`: ends its side before the answer. */
export function fetched(port: number, file: string, early = false): Promise<Buffer> {
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
export async function forward(
  cluster: Cluster,
  pod: string,
  port: number,
): Promise<Disposable & { readonly port: number }> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const child = spawn(program, [
    `--kubeconfig=${cluster.layout.adminKubeconfig}`,
    'port-forward',
    `pod/${pod}`,
    `:${port}`,
  ]);
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
