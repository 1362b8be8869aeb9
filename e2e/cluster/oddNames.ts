// Pods may give their files any name; nothing of that may hold the node up.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { runningService } from '../../hack/cluster/service.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from '../lib/collection.ts';
import { untilNothingLeft } from '../lib/leftovers.ts';
import { create, pod, removeAndWait, rest, restingPod, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** 1,500 names that are no UTF-8, more than 64 KiB of them; names like the node's own; a deep tree; line ends. */
const script = `
cd /scratch
i=0; while [ $i -lt 1500 ]; do : > "$(printf 'a\\377b%d\\376-%060d' $i $i)"; i=$((i+1)); done
line_end=$(printf '\\n.'); line_end=\${line_end%.}
for name in '!' '...' '..data' '..new-scratch' '..removing-1-0' "a\${line_end}b" "$line_end"; do mkdir "$name"; : > "$name/full"; done
cd '!'; i=0; while [ $i -lt 200 ]; do mkdir '!'; cd '!'; i=$((i+1)); done
cd /; touch /scratch/done; ${rest}`;

/** Hundredths of a second, the kernel's USER_HZ on every architecture that Node runs on. */
const TICK_S = 0.01;
const WINDOW_S = 5;

function agentPid(t: TestContext): number {
  const pid = runningService(t.lab.cluster, 'kubelet')?.pid;
  assert.ok(pid, 'the agent runs');
  return pid;
}

/** CPU time of the agent's process with all its threads, in seconds. */
function cpuSeconds(t: TestContext): number {
  const fields = readFileSync(`/proc/${agentPid(t)}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_S;
}

const handles = (t: TestContext): number => readdirSync(`/proc/${agentPid(t)}/fd`).length;

async function oddNames(t: TestContext): Promise<void> {
  // Whatever the agent opens for its first Pod of a kind is open before it is counted.
  await create(t, restingPod(t, 'first', { volumes: [{ name: 'scratch', emptyDir: {} }] }));
  await removeAndWait(t, await untilReady(t, 'first'));
  const before = handles(t);
  const manifest = pod(t, 'odd', {
    volumes: [{ name: 'scratch', emptyDir: {} }],
    containers: [
      shell('main', script, {
        volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
        readinessProbe: { exec: { command: ['test', '-e', '/scratch/done'] }, periodSeconds: 1 },
      }),
    ],
  });
  await create(t, manifest);
  const up = await untilReady(t, 'odd');
  const began = cpuSeconds(t);
  await removeAndWait(t, up);
  await untilNothingLeft(t.lab, up.metadata?.uid ?? '');
  const gone = cpuSeconds(t);
  await pause(WINDOW_S * 1000);
  const after = cpuSeconds(t);
  t.note(
    `CPU ${(gone - began).toFixed(2)} s for the removal, ${(after - gone).toFixed(2)} s in the ${WINDOW_S} s after it`,
  );
  assert.ok(gone - began < 15, `the removal took ${gone - began} s of CPU time`);
  assert.ok(
    after - gone < WINDOW_S / 2,
    `${after - gone} s of CPU time in ${WINDOW_S} s after the end: something still turns`,
  );
  let now = 0;
  await waitFor('the agent to hold as many descriptors as before', { timeout: patience }, async () => {
    now = handles(t);
    return now <= before + 5;
  });
  t.note(`descriptors ${before} before, ${now} after`);
}

export const oddFileNames = group('odd file names', [
  test('a Pod whose emptyDir is full of them is removed; the agent is idle afterwards', oddNames, { mode: 'alone' }),
]);
