import { once } from 'node:events';
import type { Pod } from '../../types/k8s.ts';
import type { Exchange } from '../http/exchange.ts';

/** Pods encoded between two looks at other work: a PodList of a full node takes longer than the event loop's budget. */
const AT_ONCE = 8;

/** Elements of a list do not say what they are, as in Go: the list does. */
function encoded({ kind: _kind, apiVersion: _version, ...pod }: Pod & { kind?: string; apiVersion?: string }): string {
  return JSON.stringify(pod);
}

/** Answers with a v1.PodList, written piece by piece. */
export async function sendPodList(exchange: Exchange, pods: readonly Pod[]): Promise<void> {
  const { response, method, signal } = exchange;
  response.writeHead(200, { 'content-type': 'application/json' });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  response.write('{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[');
  for (let at = 0; at < pods.length && !signal.aborted; at += AT_ONCE) {
    const items = pods.slice(at, at + AT_ONCE).map(encoded);
    const taken = response.write(`${at > 0 ? ',' : ''}${items.join(',')}`);
    if (!taken) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  response.end(']}');
}
