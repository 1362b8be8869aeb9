// The node short of tasks. How many a kernel may have is the machine's; since Linux 6.14 a PID namespace can have a smaller number.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { kubeletProgram } from '../../hack/cluster/kubelet.ts';
import { attempts, disruption, refused, untilCondition, untilEvicted, withoutPressure } from '../lib/evictions.ts';
import { create, pod, rest, restingPod, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

/** What the Pod takes, and where between none and all of it the threshold lies: other work on this machine has tasks too. */
const TASKS = 3000;
const MARGIN = TASKS / 2;

const running = (): number => Number(/\/(\d+)/.exec(readFileSync('/proc/loadavg', 'utf8'))?.[1]);

/** The agent as a program that gives itself a PID namespace with so many ids, which is what it then reads of the kernel. */
async function within(t: TestContext, ids: number): Promise<string> {
  const file = path.join(t.directory, 'kubelet');
  const command = (await kubeletProgram('ts')).join(' ');
  // unshare lets no signal through to the process that it waits for.
  const script = `#!/bin/sh
unshare --pid --fork sh -c 'echo ${ids} >/proc/sys/kernel/pid_max && exec ${command} "$@"' kubelet "$@" &
outside=$!
trap 'kill $(cat /proc/$outside/task/$outside/children)' TERM
wait $outside
wait $outside
`;
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}

async function tasksShort(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 14))
    return t.note('this kernel has one number of ids for all: e2e/vm has the test');
  const most = readFileSync('/proc/sys/kernel/pid_max', 'utf8');
  await create(t, restingPod(t, 'small'));
  const several = 'for i in 1 2 3 4 5 6 7 8 9; do sleep 100000 & done; ';
  await create(t, pod(t, 'several', { containers: [shell('main', several + rest)] }));
  for (const name of ['small', 'several']) await untilReady(t, name);
  const ids = running() + TASKS + MARGIN;
  const least = String(TASKS + 1); // 3000 would be told as 3k
  const config = { evictionHard: { 'pid.available': least }, evictionPressureTransitionPeriod: '60s' };
  try {
    await t.lab.restartAgent({ config, program: await within(t, ids) });
    await untilCondition(t, 'PIDPressure', 'False');
    const seen = Unnoticed.of(t, ['small', 'several']);
    const earlier = attempts(t, 'pids');
    const many = `i=0; while [ $i -lt ${TASKS} ]; do sleep 100000 & i=$((i+1)); done; ${rest}`;
    await create(t, pod(t, 'many', { containers: [shell('main', many)] }));
    await untilCondition(t, 'PIDPressure', 'True');
    await untilEvicted(t, 'many', 'pids', least);
    await t.lab.events.until('the Event EvictionThresholdMet', () =>
      attempts(t, 'pids').some((one) => !earlier.includes(one)),
    );
    await refused(t, 'late', 'PIDPressure');
    await untilCondition(t, 'PIDPressure', 'False');
    await create(t, restingPod(t, 'later'));
    await untilReady(t, 'later');
    await seen.assert('the eviction of another Pod');
    const others = t.lab.pods.all(t.namespace).filter((p) => disruption(p) && p.metadata?.name !== 'many');
    assert.deepEqual(
      others.map((p) => p.metadata?.name),
      [],
    );
    assert.equal(readFileSync('/proc/sys/kernel/pid_max', 'utf8'), most, 'the machine has another number of ids');
  } finally {
    await withoutPressure(t);
  }
}

export const pidPressure = group('pid pressure', [
  test('tasks run short: the Pod that has most goes, the condition comes and goes', tasksShort, { mode: 'alone' }),
]);
