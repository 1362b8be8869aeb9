import { parseArgs } from 'node:util';
import { ApiClient } from '../../src/api/client.ts';
import { openKubeconfig } from '../../src/config/credentials.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { makeClaims, removeClaims } from './claims.ts';
import { pods, type Shape } from './pods.ts';

/**
 * Creates and deletes Pods and measures, as a client with a watch sees it, from the moment before the request: create →
 * Running with all containers started, delete → object gone. Prints one JSON object. Runs inside the cluster's network namespace.
 */
const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    node: { type: 'string' },
    shape: { type: 'string' },
    count: { type: 'string' },
    burst: { type: 'string' },
    prefix: { type: 'string' },
  },
});
/** Milliseconds: hundreds of Pods at once take minutes. */
const PATIENCE = 600_000;
const namespace = 'default';
const client = new ApiClient((await openKubeconfig(values.kubeconfig!)).current());
const waiters = new Map<string, { running?: () => void; gone?: () => void }>();
const stop = new AbortController();

function seen(type: string, pod: Pod): void {
  const waiter = waiters.get(pod.metadata?.name ?? '');
  if (!waiter) return;
  const started =
    (pod.status?.containerStatuses ?? []).length > 0 && pod.status!.containerStatuses!.every((c) => c.state?.running);
  if (type === 'DELETED') waiter.gone?.();
  else if (pod.status?.phase === 'Running' && started) waiter.running?.();
}

const list = await client.list('Pod', { namespace });
const watching = client.watch('Pod', {
  namespace,
  resourceVersion: list.resourceVersion,
  signal: stop.signal,
  onEvent: ({ type, object }: { type: string; object: Pod }) => seen(type, object),
} as never);
watching.catch(() => {});

function waitFor(name: string, what: 'running' | 'gone'): Promise<number> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${name} was not ${what} within ${PATIENCE / 1000} s`)), PATIENCE);
    const waiter = waiters.get(name) ?? {};
    waiters.set(name, waiter);
    waiter[what] = () => {
      clearTimeout(limit);
      delete waiter[what];
      resolve(performance.now());
    };
  });
}

async function create(name: string): Promise<number> {
  const seenAt = waitFor(name, 'running');
  const from = performance.now();
  await client.create('Pod', pods(shape, name, values.node!), { namespace });
  return (await seenAt) - from;
}

async function remove(name: string): Promise<number> {
  const seenAt = waitFor(name, 'gone');
  const from = performance.now();
  await client.delete('Pod', { namespace, name });
  return (await seenAt) - from;
}

/** Some at a time: a provisioner makes several volumes at once, and a claim by itself takes it a second. */
async function eachOf(names: readonly string[], work: (name: string) => Promise<void>): Promise<void> {
  const queue = [...names];
  const worker = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) await work(name);
  };
  await Promise.all(Array.from({ length: 20 }, worker));
}

const shape = values.shape as Shape;
const starts: number[] = [];
const deletes: number[] = [];
const prefix = values.prefix ?? 'bench';
if (values.burst) {
  const names = Array.from({ length: Number(values.burst) }, (_, i) => `${prefix}-${i}`);
  await eachOf(names, (name) => makeClaims(client, shape, name, values.node!));
  starts.push(...(await Promise.all(names.map(create))));
  deletes.push(...(await Promise.all(names.map(remove))));
  await eachOf(names, (name) => removeClaims(client, shape, name));
} else {
  for (let i = 0; i < Number(values.count ?? 5); i++) {
    const name = `${prefix}-${i}`;
    await makeClaims(client, shape, name, values.node!);
    starts.push(await create(name));
    deletes.push(await remove(name));
    await removeClaims(client, shape, name);
  }
}
stop.abort();
console.log(JSON.stringify({ starts, deletes }));
process.exit(0);
