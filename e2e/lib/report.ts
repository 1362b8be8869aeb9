import { existsSync, readFileSync } from 'node:fs';
import { logFile } from '../../hack/cluster/service.ts';
import type { Lab } from './lab.ts';
import { describePod } from './pods.ts';

/** What is known of a namespace when a test in it failed: Pods, events, the agent's last words. */
export function nodeReport(lab: Lab, namespace: string): string {
  const pods = lab.pods.all(namespace).map((p) => `    ${p.metadata?.name}: ${describePod(p)}`);
  const events = lab.events
    .all(namespace)
    .slice(-25)
    .map((e) => `    ${e.involvedObject?.name} ${e.type} ${e.reason}: ${e.message} (×${e.count ?? 1})`);
  const file = logFile(lab.cluster, 'kubelet');
  const log = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const said = log.filter((line) => line.includes(namespace) || /\b(ERROR|error|FATAL)\b/.test(line)).slice(-15);
  return [
    `  Pods of ${namespace}:`,
    ...pods,
    '  Events:',
    ...events,
    '  kubelet.log:',
    ...said.map((l) => `    ${l.slice(0, 400)}`),
  ].join('\n');
}
