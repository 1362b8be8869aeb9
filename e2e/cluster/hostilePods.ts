// Pods that try to use up the agent: it stays as it was, and other Pods start as before.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { logFile, runningService } from '../../hack/cluster/service.ts';
import type { Container } from '../../src/types/k8s.ts';
import { create, pod, removeAndWait, rest, restingPod, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** How the agent is: seconds of CPU time since its start, open descriptors, MiB of memory. */
interface Figures {
  readonly cpu: number;
  readonly handles: number;
  readonly rss: number;
}

function figures(t: TestContext): Figures {
  const pid = runningService(t.lab.cluster, 'kubelet')?.pid;
  const ticks = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  return {
    cpu: (Number(ticks[11]) + Number(ticks[12])) / 100,
    handles: readdirSync(`/proc/${pid}/fd`).length,
    rss: (pages * 4096) / 2 ** 20,
  };
}

/** Seconds from a Pod's creation to its being Ready. */
async function startSeconds(t: TestContext, name: string): Promise<number> {
  const begun = performance.now();
  const made = await create(t, restingPod(t, name));
  await untilReady(t, name);
  const seconds = (performance.now() - begun) / 1000;
  await removeAndWait(t, made, { gracePeriodSeconds: 0 });
  return seconds;
}

const loud = 'echo hunter2; head -c 7500000 /dev/zero; head -c 7500000 /dev/zero >&2; exit 1';

/** Four containers whose postStart prints 15 MB and fails, and whose exec probes print as much. */
function loudContainers(): Container[] {
  const hook = { lifecycle: { postStart: { exec: { command: ['sh', '-c', loud] } } } };
  const probe = { readinessProbe: { exec: { command: ['sh', '-c', loud] }, periodSeconds: 1, timeoutSeconds: 30 } };
  return [0, 1].flatMap((i) => [shell(`hook${i}`, rest, hook), shell(`probe${i}`, rest, probe)]);
}

/** Ten containers whose probes carry a header that cannot be sent, to a server that answers nothing and never closes. */
function unsendable(): Container[] {
  const httpHeaders = [{ name: 'X-A', value: 'a\nb' }];
  const probe = { httpGet: { path: '/', port: 8080, httpHeaders }, periodSeconds: 1, failureThreshold: 1000 };
  const probes = { readinessProbe: probe, livenessProbe: probe };
  const server = shell('server', 'exec nc -lk -p 8080 -e sleep 86400');
  return [server, ...Array.from({ length: 10 }, (_, i) => shell(`c${i}`, rest, probes as Partial<Container>))];
}

async function staysAsItWas(t: TestContext): Promise<void> {
  const usual = await startSeconds(t, 'before');
  const loudPod = await create(t, pod(t, 'loud', { containers: loudContainers() }));
  const headerPod = await create(t, pod(t, 'header', { containers: unsendable() }));
  await t.lab.events.until(
    'the hook and the probe to fail',
    () => {
      const said = t.lab.events.all().filter((e) => e.involvedObject.namespace === t.namespace);
      const hook = said.some((e) => e.reason === 'FailedPostStartHook' && e.message === 'PostStartHook failed');
      return hook && said.some((e) => e.message?.includes('net/http: invalid header field value for "X-A"'));
    },
    300_000,
  );
  const [before, begun] = [figures(t), performance.now()];
  const during: number[] = [];
  for (let i = 0; i < (t.full ? 12 : 4); i++) {
    during.push(await startSeconds(t, `during-${i}`));
    await sleep(5_000);
  }
  const [after, seconds] = [figures(t), (performance.now() - begun) / 1000];
  const share = (after.cpu - before.cpu) / seconds;
  t.note(
    `${seconds.toFixed(0)} s: ${(100 * share).toFixed(0)} % of a core, handles ${before.handles} → ${after.handles}, ` +
      `${before.rss.toFixed(0)} → ${after.rss.toFixed(0)} MiB; starts ${usual.toFixed(1)} s, then ${during.map((s) => s.toFixed(1)).join(', ')}`,
  );
  assert.ok(share < 0.6, `the agent used ${share} of a core`);
  assert.ok(after.handles < before.handles + 30, `${before.handles} descriptors became ${after.handles}`);
  assert.ok(after.rss < before.rss + 250, `${before.rss} MiB became ${after.rss}`);
  assert.ok(Math.min(...during) < 3 * usual + 5, `other Pods took ${during} s instead of ${usual}`);
  const log = readFileSync(logFile(t.lab.cluster, 'kubelet'), 'utf8').split('\n');
  const ours = log.filter((line) => line.includes(t.namespace));
  assert.ok(ours.every((line) => line.length < 10_000));
  assert.ok(
    !ours.some((line) => line.includes('PostStart') && /hunter2\\+n/.test(line)),
    'the log shows what a hook printed',
  );
  const { entries } = await t.lab.timeline(t.namespace, 'loud');
  const told = entries.filter((entry) => entry.kind === 'action' && entry.action === 'postStart');
  assert.ok(told.length > 0 && !/hunter2\\+n/.test(JSON.stringify(told)), 'the timeline shows what a hook printed');
  await removeAndWait(t, loudPod, { gracePeriodSeconds: 0 });
  await removeAndWait(t, headerPod, { gracePeriodSeconds: 0 });
}

export const hostilePods = group('hostile Pods', [
  test('15 MB from hooks and probes, and headers that cannot be sent', staysAsItWas, { mode: 'alone', weight: 2 }),
]);
