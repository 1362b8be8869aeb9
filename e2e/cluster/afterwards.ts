// What the whole run shows when it is over.
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { stopKubelet } from '../../hack/cluster/control.ts';
import { replayAll } from '../lib/replayAll.ts';
import { group, type TestContext, test } from '../lib/test.ts';

interface AuditEntry {
  readonly user?: { readonly username?: string };
  readonly userAgent?: string;
  readonly verb?: string;
  readonly requestURI?: string;
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
}

/** How many requests kubelet-ts sent, and which were refused; those that the API server refuses for a moment after a bind do not count. */
async function requests(t: TestContext): Promise<{ sent: number; refused: string[] }> {
  let sent = 0;
  const refused: string[] = [];
  const file = path.join(t.lab.cluster.layout.logs, 'audit.log');
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { user, userAgent = '', verb, requestURI, responseStatus } = JSON.parse(line) as AuditEntry;
    if (user?.username !== `system:node:${t.lab.node}` || !userAgent.includes('kubelet-ts')) continue;
    sent += 1;
    const { code = 0, message = '' } = responseStatus ?? {};
    if (code !== 403 && code !== 401) continue;
    // Just after a bind the server's authorizer and its NodeRestriction do not know of it yet, each by a cache of its own.
    if (message.includes('no relationship found between node')) continue;
    if (message.includes('token bound to a pod scheduled on a different node')) continue;
    // A namespace that is being deleted takes no new objects (Events, mirror Pods): the tests delete theirs.
    if (message.includes('because it is being terminated')) continue;
    refused.push(`${verb} ${requestURI}: ${code} ${message}`);
  }
  return { sent, refused };
}

async function audit(t: TestContext): Promise<void> {
  const { sent, refused } = await requests(t);
  t.note(`${sent} requests`);
  // Even a run of one short test lists, watches, registers and renews; fewer would mean that they were looked for in vain.
  assert.ok(sent > 20, `only ${sent} requests of the agent were found in the audit log`);
  assert.deepEqual([...new Set(refused)].slice(0, 10), []);
}

async function replayed(t: TestContext): Promise<void> {
  await stopKubelet(t.lab.cluster); // so that its last records are on the disk
  const { decisions, files, torn, differences } = await replayAll(t.lab.recordings);
  t.note(`${decisions} decisions in ${files} files, ${torn} torn by a kill`);
  assert.ok(decisions > 0);
  assert.deepEqual(differences.slice(0, 5), [], `${differences.length} decisions differ`);
}

export const afterwards = group('afterwards', [
  test('no request of the agent was refused', audit, { mode: 'last' }),
  test('every decision of the run replays equal', replayed, { mode: 'last' }),
]);
