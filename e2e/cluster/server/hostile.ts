// Clients that mean no good, or are cut off: the kubelet refuses them, serves others, and keeps nothing.
import path from 'node:path';
import type { Finding, Orders } from './hostileClients.ts';
import { admin, held, makePod, onNode, removePods, type Stage, settled } from './stage.ts';

const program = path.join(import.meta.dirname, 'hostileClients.ts');

/** Runs all tries of hostileClients.ts from inside the cluster's network. */
export async function hostile(stage: Stage): Promise<void> {
  const { cluster, namespace, checks, full } = stage;
  await makePod(stage, 'srv-h', 'n=0; while true; do n=$((n+1)); echo tick $n; sleep 1; done');
  const { files } = admin(cluster);
  const orders: Orders = { host: '172.30.0.10', cert: files.cert, key: files.key, namespace, pod: 'srv-h', slow: full };
  const before = held(cluster);
  const { stdout, stderr } = await onNode(cluster, 'network', process.execPath, program, JSON.stringify(orders));
  const findings = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Finding]));
  for (const { name, problem } of findings) await checks.check(name, () => problem);
  await checks.check('every try was made', () => (findings.length >= 10 ? undefined : stderr || stdout));
  if (full) await checks.check('nothing of all that is left', () => settled(cluster, before));
  await removePods(stage, 'srv-h');
}
