// Pods whose every start leaves a line, and the check that each of their containers started exactly once.
import assert from 'node:assert/strict';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Container, Pod, PodSpec } from '../../src/types/k8s.ts';
import { outMount, outVolume, writtenLines } from './files.ts';
import { nodeUid, podThings } from './leftovers.ts';
import { describePod, rest, shell, statuses } from './pods.ts';
import type { TestContext } from './test.ts';

const uidOf = { name: 'POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } };

/** A container that writes down each of its starts, then runs `script`. */
export function once(name: string, script = rest, more: Partial<Container> = {}): Container {
  const volumeMounts = [outMount, ...(more.volumeMounts ?? [])];
  return shell(name, `echo "$POD_UID/${name}" >> /out/starts; ${script}`, { ...more, env: [uidOf], volumeMounts });
}

/** A Pod spec around such containers. */
export function onceSpec(t: TestContext, spec: Partial<PodSpec>): Partial<PodSpec> {
  return { ...spec, volumes: [outVolume(t), ...(spec.volumes ?? [])] };
}

/** Waits until every container that runs has written down its start: a file without lines proves nothing. */
async function untilWrittenDown(t: TestContext): Promise<void> {
  const runs = t.lab.pods
    .all(t.namespace)
    .flatMap((p) => statuses(p).flatMap((c) => (c.state?.running ? [`${nodeUid(p)}/${c.name}`] : [])));
  assert.ok(runs.length > 0, 'no container is left to look at');
  await waitFor('the running containers to have written down their starts', { timeout: 60_000 }, () => {
    const lines = new Set(writtenLines(t, 'starts'));
    return runs.every((place) => lines.has(place));
  });
}

/**
 * Starts that the runtime itself undid, by place: it gives StartContainer up, and ends what it had just started, when the
 * connection of its caller breaks. Nobody can start a container through CRI and be killed in the middle without that chance; the
 * container then shows the StartError, and one more attempt is right.
 */
function undone(t: TestContext): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const versions of t.lab.pods.histories(t.namespace)) {
    for (const { object } of versions) {
      for (const c of statuses(object)) {
        for (const ended of [c.state?.terminated, c.lastState?.terminated]) {
          if (ended?.reason !== 'StartError' || !/cancel|closed|unavailable/i.test(ended.message ?? '')) continue;
          const place = `${nodeUid(object)}/${c.name}`;
          found.set(place, (found.get(place) ?? new Set()).add(ended.containerID ?? ''));
        }
      }
    }
  }
  return found;
}

/** Nothing started twice, no restart was counted, no container got another id, in anything that the API ever showed. */
export async function assertStartedOnce(t: TestContext): Promise<void> {
  await untilWrittenDown(t);
  const lines = writtenLines(t, 'starts');
  const cut = undone(t);
  const allowed = (place: string) => cut.get(place)?.size ?? 0;
  const twice = [...new Set(lines)].filter((place) => lines.filter((l) => l === place).length > 1 + allowed(place));
  assert.deepEqual(twice, [], `containers that started more than once (UID/container); Pods: ${describeAll(t)}`);
  for (const versions of t.lab.pods.histories(t.namespace)) {
    const ids = new Map<string, string>();
    for (const { object } of versions) {
      for (const c of statuses(object)) {
        const place = `${object.metadata?.name} (${nodeUid(object)}) container ${c.name}`;
        const undoneStarts = allowed(`${nodeUid(object)}/${c.name}`);
        assert.ok(c.restartCount <= undoneStarts, `${place} was restarted: ${describePod(object)}`);
        if (!c.containerID || undoneStarts > 0) continue;
        const known = ids.get(`${nodeUid(object)}/${c.name}`);
        assert.ok(known === undefined || known === c.containerID, `${place} changed from ${known} to ${c.containerID}`);
        ids.set(`${nodeUid(object)}/${c.name}`, c.containerID);
      }
    }
  }
}

function describeAll(t: TestContext): string {
  return t.lab.pods
    .all(t.namespace)
    .map((p) => `${p.metadata?.name} ${nodeUid(p)} ${describePod(p)}`)
    .join('\n');
}

/** Everything in which API and runtime disagree, and what is on the node of Pods that nobody knows. */
async function disagreements(t: TestContext): Promise<string[]> {
  const pods = t.lab.pods.all();
  const uids = new Set(pods.map(nodeUid));
  const said = new Set(pods.flatMap((p) => runningIds(p)));
  const containers = await t.lab.cri.listContainers();
  const running = containers.filter((c) => c.state === 'CONTAINER_RUNNING');
  const held = new Set(running.map((c) => `containerd://${c.id}`));
  const unknown = (await podThings(t.lab)).filter((line) => ![...uids].some((uid) => line.includes(uid)));
  return [
    ...[...said].filter((id) => !held.has(id)).map((id) => `the API says that ${id} runs, the runtime does not`),
    ...[...held].filter((id) => !said.has(id)).map((id) => `the runtime runs ${id}, the API does not say so`),
    ...unknown
      .filter((line) => /[0-9a-f]{32}|[0-9a-f-]{36}/.test(line))
      .map((line) => `of a Pod that is gone: ${line}`),
  ];
}

function runningIds(pod: Pod): string[] {
  return statuses(pod)
    .filter((c) => c.state?.running)
    .map((c) => c.containerID ?? '');
}

/** Waits until API and runtime agree and nothing is left of Pods that are gone. */
export async function untilAgreed(t: TestContext, limit = 120_000): Promise<void> {
  let last: string[] = [];
  try {
    await waitFor('', { timeout: limit, interval: 300 }, async () => {
      last = await disagreements(t);
      return last.length === 0;
    });
  } catch (error) {
    throw new Error(
      `API and runtime do not agree after ${limit / 1000} s (${(error as Error).message.slice(0, 80)}):\n  ${last.join('\n  ')}`,
    );
  }
}
