// Containers that the kubelet stops itself while their Pod goes on or ends: for a new image, and sidecars whose hooks hang.
import assert from 'node:assert/strict';
import type { Container, Pod } from '../../src/types/k8s.ts';
import {
  condition,
  container,
  create,
  image,
  pod,
  podUrl,
  removeAndWait,
  rest,
  shell,
  untilPhase,
  untilPod,
  untilReady,
} from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const policies = ['Always', 'OnFailure', 'Never'] as const;
const newer = 'docker.io/library/busybox:latest';
const absent = 'docker.io/library/absent:1';
/** Seconds that hanging hooks get. */
const grace = 6;

/** What was written of a container since it first ran: its state, its restarts and how it ended before; each once. */
function course(t: TestContext, of: Pod, name: string): string[] {
  const words: string[] = [];
  for (const { object } of t.lab.pods.history(of.metadata?.uid ?? '')) {
    const { state, lastState, restartCount } = container(object, name) ?? { restartCount: 0 };
    if (words.length === 0 && !state?.running) continue;
    const now = state?.running ? 'running' : state?.terminated ? `ended ${state.terminated.exitCode}` : 'waiting';
    const last = lastState?.terminated ? `, before that ${lastState.terminated.exitCode}` : '';
    const word = `${now}, restart ${restartCount}${last}`;
    if (words.at(-1) !== word) words.push(word);
  }
  return words;
}

async function setImage(t: TestContext, name: string, which: string, to: string): Promise<void> {
  const { spec } = await t.lab.api.get<Pod>(podUrl(t, name));
  const change = (list: readonly Container[] = []): Container[] =>
    list.map((c) => (c.name === which ? { ...c, image: to } : c));
  const [containers, initContainers] = [change(spec?.containers), change(spec?.initContainers)];
  await t.lab.api.patch(podUrl(t, name), {
    spec: { containers, ...(initContainers.length > 0 && { initContainers }) },
  });
}

/** A Pod whose containers end with 0 when they are asked to; its main container gets another image. */
async function newImage(t: TestContext, policy: string, suffix: string): Promise<Record<string, string[]>> {
  const name = `image-${policy.toLowerCase()}${suffix}`;
  const initContainers = [shell('side', rest, { restartPolicy: 'Always' })];
  const spec = { restartPolicy: policy, initContainers, containers: [shell('main', rest), shell('other', rest)] };
  const made = await create(t, pod(t, name, spec));
  const seen: Record<string, string[]> = {};
  await untilReady(t, name);
  for (const which of ['main', 'side']) {
    await setImage(t, name, which, newer);
    const again = (p: Pod): boolean => container(p, which)?.restartCount === 1 && condition(p, 'Ready') === 'True';
    await untilPod(t, name, `to run ${which} with its new image`, again);
    seen[`${policy} ${which}`] = course(t, made, which);
  }
  seen[`${policy} other`] = course(t, made, 'other');
  await removeAndWait(t, made);
  return seen;
}

/** An image that cannot be pulled: whether the container goes on waiting for it is the restart policy's word. */
async function absentImage(t: TestContext, policy: string, suffix: string): Promise<Record<string, string[]>> {
  const name = `absent-${policy.toLowerCase()}${suffix}`;
  const made = await create(t, pod(t, name, { restartPolicy: policy, containers: [shell('main', rest)] }));
  await untilReady(t, name);
  await setImage(t, name, 'main', absent);
  const backsOff = (p: Pod): boolean => container(p, 'main')?.state?.waiting?.reason === 'ImagePullBackOff';
  if (policy === 'Always') await untilPod(t, name, 'to back off', backsOff);
  else await untilPhase(t, name, 'Succeeded');
  const seen = { [`${policy} absent`]: course(t, made, 'main') };
  await removeAndWait(t, made);
  return seen;
}

/** The main container ends by itself while hooks of both sidecars hang. */
async function hangingHooks(t: TestContext, suffix: string): Promise<Record<string, string[]>> {
  const name = `hooks${suffix}`;
  const lifecycle = { preStop: { exec: { command: ['sleep', '3600'] } } };
  const side = (of: string): Container => shell(of, rest, { restartPolicy: 'Always', lifecycle });
  const spec = { restartPolicy: 'Never', terminationGracePeriodSeconds: grace, initContainers: [side('s'), side('t')] };
  const made = await create(t, pod(t, name, { ...spec, containers: [shell('main', 'sleep 2')] }));
  const done = await untilPhase(t, name, 'Succeeded');
  const ended = (of: string): number => Date.parse(String(container(done, of)?.state?.terminated?.finishedAt)) / 1000;
  const seen: Record<string, string[]> = {};
  for (const which of ['s', 't']) {
    const took = ended(which) - ended('main');
    t.note(`${name}: ${which} ended ${took} s after main`);
    // Statuses show whole seconds.
    assert.ok(took >= grace - 1, `${which} ended ${took} s after main: its hook had no ${grace} s`);
    seen[`hooks ${which}`] = course(t, made, which);
  }
  await removeAndWait(t, made);
  return seen;
}

/** All of it on the kubelet that is there, side by side. */
export async function replaceAll(t: TestContext, suffix = ''): Promise<Record<string, string[]>> {
  const parts = await Promise.all([
    ...policies.map((policy) => newImage(t, policy, suffix)),
    ...policies.map((policy) => absentImage(t, policy, suffix)),
    hangingHooks(t, suffix),
  ]);
  return Object.assign({}, ...parts) as Record<string, string[]>;
}

/** What both kubelets write. */
const expected: Record<string, string[]> = {
  ...Object.fromEntries(
    policies.flatMap((policy) => [
      ...['main', 'side'].map((n) => [`${policy} ${n}`, ['running, restart 0', 'running, restart 1, before that 0']]),
      [`${policy} other`, ['running, restart 0']],
    ]),
  ),
  'Always absent': ['running, restart 0', 'waiting, restart 0, before that 0'],
  'OnFailure absent': ['running, restart 0', 'ended 0, restart 0'],
  'Never absent': ['running, restart 0', 'ended 0, restart 0'],
  'hooks s': ['running, restart 0', 'ended 0, restart 0'],
  'hooks t': ['running, restart 0', 'ended 0, restart 0'],
};

async function replacing(t: TestContext): Promise<void> {
  assert.notEqual(image, newer);
  assert.deepEqual(await replaceAll(t), expected);
}

export const replaced = group('replaced', [
  test('another image under every restart policy, one that is absent, and hooks of sidecars that hang', replacing, {
    weight: 3,
  }),
]);
