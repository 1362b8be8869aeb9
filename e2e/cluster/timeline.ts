// The timeline accounts for the time that a start takes.
import assert from 'node:assert/strict';
import { waitFor } from '../../hack/lib/wait.ts';
import { coverage, explainedSpans } from '../../src/timeline/coverage.ts';
import type { Entry } from '../../src/timeline/entries.ts';
import type { PodSpec } from '../../src/types/k8s.ts';
import { container, create, pod, rest, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** How much of the way from the first word of a Pod to its Ready status the timeline explains, 0–1, and where it does not. */
async function explained(t: TestContext, name: string): Promise<{ share: number; gaps: string[] }> {
  const isReady = (e: Entry): boolean =>
    e.kind === 'status' && /\bReady\b/.test(e.summary.replaceAll(/\w+Ready\w*|PodReady\w+/g, ''));
  let entries: readonly Entry[] = [];
  // A watch may show the status before the answer to the write has reached the kubelet.
  await waitFor('the Ready status in the timeline', { timeout: 30_000 }, async () => {
    entries = (await t.lab.timeline(t.namespace, name)).entries;
    return entries.some(isReady);
  });
  const heard = entries.find((e) => e.kind === 'heard');
  // The writing of the Ready status is the last thing of a start; the summary names the conditions that are True.
  const written = entries.find(isReady);
  assert.ok(heard && written, `the timeline of ${name} lacks its ${heard ? 'Ready status' : 'beginning'}`);
  const stretch = { from: heard.at.mono, to: written.at.mono };
  const gaps: string[] = [];
  let reached = stretch.from;
  for (const span of explainedSpans(entries, stretch.to).sort((a, b) => a.from - b.from)) {
    if (span.from > stretch.to) break;
    if (span.from > reached)
      gaps.push(`${(reached - stretch.from).toFixed(1)}–${(span.from - stretch.from).toFixed(1)} ms`);
    reached = Math.max(reached, span.to);
  }
  if (reached < stretch.to)
    gaps.push(`${(reached - stretch.from).toFixed(1)}–${(stretch.to - stretch.from).toFixed(1)} ms`);
  return { share: coverage(entries, stretch), gaps };
}

async function starts(t: TestContext): Promise<void> {
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/configmaps`, { metadata: { name: 'c' }, data: { a: 'b' } });
  const volumes = [
    { name: 'c', configMap: { name: 'c' } },
    { name: 'e', emptyDir: {} },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  const main = shell('main', rest);
  const kinds: Record<string, Partial<PodSpec>> = {
    plain: { containers: [main], automountServiceAccountToken: false },
    volumes: { containers: [shell('main', rest, { volumeMounts })], volumes },
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
  for (let n = 0; n < (t.full ? 30 : 6); n++) kinds[`burst-${n}`] = { containers: [main] };
  await Promise.all(Object.entries(kinds).map(([name, spec]) => create(t, pod(t, name, spec))));
  const shares: string[] = [];
  const poor: string[] = [];
  for (const name of Object.keys(kinds)) {
    assert.equal(container(await untilReady(t, name), 'main')?.restartCount, 0);
    const { share, gaps } = await explained(t, name);
    shares.push((100 * share).toFixed(2));
    if (share < 0.99) poor.push(`${name}: ${(100 * share).toFixed(2)} %, nothing said at ${gaps.join(', ')}`);
  }
  t.note(`worst ${Math.min(...shares.map(Number))} %`);
  assert.deepEqual(poor, []);
}

export const timeline = group('timeline', [test('accounts for 99 % of each start', starts, { weight: 3 })]);
