// Streams through the API server without kubectl, which would cost a process for each.
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { Agent, WebSocket } from 'undici';
import type { Cluster } from '../../../hack/cluster/state.ts';
import { admin, type Stage } from './stage.ts';

/** A log request as the administrator; the answer is not read until the caller does. */
export function openLog({ cluster, namespace }: Stage, pod: string, query: string): Promise<IncomingMessage> {
  const { ca, cert, key } = admin(cluster);
  const target = `/api/v1/namespaces/${namespace}/pods/${pod}/log?container=main&${query}`;
  return new Promise((resolve, reject) => {
    const own = { host: '127.0.0.1', port: cluster.state.apiPort, path: target, agent: false };
    const sent = request({ ...own, ca, cert, key }, resolve);
    sent.on('error', reject);
    sent.end();
  });
}

/** An exec session over WebSocket. */
export interface ExecSession {
  /** Everything on its standard output so far. */
  output(): string;
  send(text: string): void;
  /** The exit code, once it is over; -1 when the connection ended without one. */
  readonly ended: Promise<number>;
  close(): void;
}

const agents = new WeakMap<Cluster, Agent>();

function agentOf(cluster: Cluster): Agent {
  const { ca, cert, key } = admin(cluster);
  const made = agents.get(cluster) ?? new Agent({ connect: { ca, cert, key, servername: 'kubernetes' } });
  agents.set(cluster, made);
  return made;
}

/** Runs a command in the container `main`; resolves when the session is open. */
export function openExec(stage: Stage, pod: string, command: readonly string[], stdin = false): Promise<ExecSession> {
  const query = new URLSearchParams({ container: 'main', stdout: 'true', ...(stdin ? { stdin: 'true' } : {}) });
  for (const word of command) query.append('command', word);
  const { cluster, namespace } = stage;
  const url = `wss://127.0.0.1:${cluster.state.apiPort}/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query}`;
  const socket = new WebSocket(url, { protocols: ['v5.channel.k8s.io'], dispatcher: agentOf(cluster) });
  socket.binaryType = 'arraybuffer';
  let [output, code] = ['', -1];
  const ended = new Promise<number>((resolve) => socket.addEventListener('close', () => resolve(code)));
  socket.addEventListener('message', ({ data }) => {
    const [channel, text] = [
      new Uint8Array(data as ArrayBuffer)[0],
      Buffer.from(data as ArrayBuffer).toString('utf8', 1),
    ];
    if (channel === 1) output += text;
    if (channel === 3) code = exitCode(text);
  });
  return new Promise((resolve, reject) => {
    socket.addEventListener('error', ({ message }) => reject(new Error(`exec in ${pod}: ${message}`)));
    socket.addEventListener('open', () =>
      resolve({
        output: () => output,
        send: (text) => socket.send(Buffer.concat([Buffer.from([0]), Buffer.from(text)])),
        ended,
        close: () => socket.close(),
      }),
    );
  });
}

/** The Status on the error channel. */
function exitCode(text: string): number {
  const status = JSON.parse(text) as { status: string; details?: { causes?: { reason: string; message: string }[] } };
  if (status.status === 'Success') return 0;
  return Number(status.details?.causes?.find((c) => c.reason === 'ExitCode')?.message ?? -1);
}
