// The timeline accounts for the time that a start takes.
import assert from 'node:assert/strict';
import { waitFor } from '../../hack/lib/wait.ts';
import { coverage, explainedSpans } from '../../src/timeline/coverage.ts';
import type { TimelineEntry } from '../../src/timeline/entries.ts';
import type { ReasonCode } from '../../src/timeline/reasons.ts';
import type { PodSpec } from '../../src/types/k8s.ts';
import { makeClaim, makeVolume, onThisNode, removeVolumes, untilBound } from '../lib/claims.ts';
import { patience } from '../lib/collection.ts';
import { attacher, CsiDriverProcess } from '../lib/csiDriver.ts';
import { container, create, pod, rest, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** What must have been done, and have come to its end, before any Pod with a container is Ready. */
const needed = ['reserve', 'preparePod', 'createSandbox', 'createContainer', 'startContainer'];

/** Waits whose end the agent does not make: others work, or time must pass. */
const outside: ReadonlySet<ReasonCode> = new Set([
  'GateQueue',
  'PullingImage',
  'AwaitingObject',
  'InitContainer',
  'StartupProbe',
  'ReadinessProbe',
  'StatusWrite',
]);

/** How a start went, times in ms. */
interface Start {
  readonly took: number;
  /** How much of it the timeline explains, 0–1, and where it does not. */
  readonly share: number;
  readonly gaps: readonly (readonly [from: number, to: number])[];
  /** How long nothing was under way although the Pod waited for nobody else. */
  readonly idle: number;
  /** Of the needed actions those that the timeline lacks. */
  readonly missing: readonly string[];
}

/** The way from the first word of a Pod to its Ready status, as its timeline tells it. */
async function start(t: TestContext, name: string): Promise<Start> {
  const isReady = (e: TimelineEntry): boolean =>
    e.kind === 'status' && /\bReady\b/.test(e.summary.replaceAll(/\w+Ready\w*|PodReady\w+/g, ''));
  let entries: readonly TimelineEntry[] = [];
  // A watch may show the status before the answer to the write has reached the kubelet.
  await waitFor('the Ready status in the timeline', { timeout: patience }, async () => {
    entries = (await t.lab.timeline(t.namespace, name)).entries;
    return entries.some(isReady);
  });
  const heard = entries.find((e) => e.kind === 'heard');
  // The writing of the Ready status is the last thing of a start; the summary names the conditions that are True.
  const written = entries.find(isReady);
  assert.ok(heard && written, `the timeline of ${name} lacks its ${heard ? 'Ready status' : 'beginning'}`);
  const stretch = { from: heard.at.mono, to: written.at.mono };
  const took = stretch.to - stretch.from;
  const gaps: [number, number][] = [];
  let reached = stretch.from;
  for (const span of explainedSpans(entries, stretch.to).sort((a, b) => a.from - b.from)) {
    if (span.from > stretch.to) break;
    if (span.from > reached) gaps.push([reached - stretch.from, span.from - stretch.from]);
    reached = Math.max(reached, span.to);
  }
  if (reached < stretch.to) gaps.push([reached - stretch.from, took]);
  // The same once more, where a reason counts only if it names somebody else.
  const strict = entries.map((e) =>
    e.kind === 'reasons' ? { ...e, reasons: e.reasons.filter((r) => outside.has(r.code)) } : e,
  );
  const ended = new Set(entries.flatMap((e) => (e.kind === 'action' && e.end >= e.at.mono ? [e.action] : [])));
  return {
    took,
    share: coverage(entries, stretch),
    gaps,
    idle: (1 - coverage(strict, stretch)) * took,
    missing: needed.filter((action) => !ended.has(action)),
  };
}

/** What is wrong with a start; empty when nothing is. */
function complaints(name: string, { took, share, gaps, idle, missing }: Start): string[] {
  const found = missing.map((action) => `${name}: its timeline has no ${action} that ended`);
  const silent = gaps.reduce((sum, [from, to]) => sum + to - from, 0);
  // On a busy machine the event loop stands still for some milliseconds now and then, and a start may be short.
  if (share < 0.99 && silent > 50) {
    const where = gaps.map(([from, to]) => `${from.toFixed(1)}–${to.toFixed(1)} ms`).join(', ');
    found.push(`${name}: ${(100 * share).toFixed(2)} %, nothing said at ${where}`);
  }
  if (idle > Math.max(took / 3, 500))
    found.push(
      `${name}: nothing was done for ${idle.toFixed(0)} of ${took.toFixed(0)} ms, and nobody else was waited for`,
    );
  return found;
}

/** Three claims: of a driver whose volumes are attached, staged and published, of a local directory, of a hostPath. */
async function claims(t: TestContext, driver: string): Promise<AsyncDisposable> {
  const sources = {
    csi: { csi: { driver, volumeHandle: 'csi' } },
    local: { local: { path: t.directory }, ...onThisNode(t) },
    host: { hostPath: { path: t.directory } },
  };
  const names = Object.keys(sources);
  for (const [name, source] of Object.entries(sources)) {
    await makeVolume(t, name, source);
    await makeClaim(t, name);
  }
  // Who waits for the binding is told of it, and it is not the node's work.
  for (const name of names) await untilBound(t, name);
  return { [Symbol.asyncDispose]: () => removeVolumes(t, ...names) };
}

/** Pods by what their start has to wait for. */
function pods(full: boolean): Record<string, Partial<PodSpec>> {
  const volumes = [
    { name: 'c', configMap: { name: 'c' } },
    { name: 'e', emptyDir: {} },
  ];
  const claimed = ['csi', 'local', 'host'].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  const main = shell('main', rest);
  const kinds: Record<string, Partial<PodSpec>> = {
    plain: { containers: [main], automountServiceAccountToken: false },
    volumes: { containers: [shell('main', rest, { volumeMounts })], volumes },
    claims: {
      containers: [shell('main', rest, { volumeMounts: claimed.map(({ name }) => ({ name, mountPath: `/${name}` })) })],
      volumes: claimed,
    },
    init: { initContainers: [shell('first', 'sleep 1'), shell('second', 'true')], containers: [main] },
    pulled: { containers: [shell('main', rest, { imagePullPolicy: 'Always' })] },
    probed: {
      containers: [shell('main', rest, { readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } })],
    },
    hooked: {
      containers: [
        shell('main', rest, { lifecycle: { postStart: { exec: { command: ['sleep', '1'] } } } }),
        shell('next', rest),
      ],
    },
  };
  for (let n = 0; n < (full ? 30 : 6); n++) kinds[`burst-${n}`] = { containers: [main] };
  return kinds;
}

async function starts(t: TestContext): Promise<void> {
  const driver = `timed.${t.namespace}.example`;
  await using _claims = await claims(t, driver);
  await using _driver = await new CsiDriverProcess(t, driver).start();
  await using _attacher = attacher(t, driver);
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/configmaps`, { metadata: { name: 'c' }, data: { a: 'b' } });
  const kinds = pods(t.full);
  await Promise.all(Object.entries(kinds).map(([name, spec]) => create(t, pod(t, name, spec))));
  const percents = new Map<string, number>();
  const poor: string[] = [];
  let idlest = 0;
  for (const name of Object.keys(kinds)) {
    assert.equal(container(await untilReady(t, name), 'main')?.restartCount, 0);
    const went = await start(t, name);
    percents.set(name, 100 * went.share);
    idlest = Math.max(idlest, went.idle / went.took);
    poor.push(...complaints(name, went));
  }
  const worst = Math.min(...percents.values()).toFixed(2);
  const ofClaims = percents.get('claims')?.toFixed(2);
  t.note(
    `worst ${worst} %, with claims ${ofClaims} %; nothing under way for at most ${(100 * idlest).toFixed(0)} % of a start`,
  );
  assert.deepEqual(poor, []);
}

export const timeline = group('timeline', [
  test('accounts for 99 % of each start', starts, { mode: 'alone', weight: 3 }),
]);
