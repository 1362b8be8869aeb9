// Registries that go wrong, before the real runtime: kubelet's reason, the runtime's words, and one sentence that helps; how far a slow pull is.
import assert from 'node:assert/strict';
import { tellRuntime, untellRuntime } from '../../hack/cluster/privateRegistry.ts';
import type { Event, Pod } from '../../src/types/k8s.ts';
import { expectWait } from '../lib/expectWait.ts';
import { startOddRegistry } from '../lib/oddRegistry.ts';
import { container, create, pod, removeAndWait, rest, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

function puller(t: TestContext, name: string, image: string): Pod {
  return pod(t, name, {
    containers: [{ name: 'main', image, imagePullPolicy: 'Always', command: ['sh', '-c', rest] }],
  });
}

/** Nobody listens there. */
const nowhere = '127.0.0.1:5059';
const away = `${nowhere}/app:1`;

/** Way (or image), what the runtime says, and the hint of `why`. */
const failures: readonly (readonly [way: string, message: RegExp, hint: RegExp])[] = [
  ['limited', /429 Too Many Requests/, /hint: the registry limits how often it may be asked/],
  ['forbidden', /403 Forbidden/, /hint: the credentials may not pull this repository/],
  ['denied', /authorization failed|401/, /hint: the registry takes no credentials of this Pod/],
  ['missing', /not found/, /hint: there is no such image/],
  ['faulty', /503 Service Unavailable/, /hint: the registry has a fault of its own/],
  ['circle', /stopped after 10 redirects/, /hint: the registry sends the node in a circle/],
  ['cut', /unexpected EOF|connection reset|failed to copy/, /hint: the connection broke while a layer came/],
  ['changed', /unexpected commit digest|digest/, /hint: what came is not what the manifest names/],
  ['garbage', /failed to (?:extract|apply) layer|tar/, /hint: a layer is no archive/],
  [away, /connection refused/, /hint: the node does not reach the registry/],
];

const nameOf = (way: string) => `odd-${/^\w+$/.test(way) ? way : 'away'}`;

async function goWrong(t: TestContext): Promise<void> {
  await using registry = await startOddRegistry(t, 5056);
  const ways = failures.map(([way]) => way);
  const made: Pod[] = [];
  tellRuntime(t.lab.cluster, nowhere);
  try {
    for (const way of [...ways, 'moved'])
      made.push(await create(t, puller(t, nameOf(way), way.includes(':') ? way : registry.image(way))));
    for (const [way, words, hint] of failures) {
      const now = await untilPod(t, nameOf(way), 'to say why its image does not come', (p) =>
        /^(ErrImagePull|ImagePullBackOff)$/.test(container(p, 'main')?.state?.waiting?.reason ?? ''),
      );
      assert.match(container(now, 'main')?.state?.waiting?.message ?? '', words, way);
      await expectWait(t, nameOf(way), 'ImagePullBackOff', hint);
      await expectWait(t, nameOf(way), 'ImagePullBackOff', words);
    }
    await untilReady(t, nameOf('moved'));
    t.note(`${failures.length} ways of going wrong; one that sends elsewhere works`);
  } finally {
    untellRuntime(t.lab.cluster, nowhere);
    for (const one of made) await removeAndWait(t, one);
  }
}

const progressEvents = (t: TestContext, name: string): Event[] =>
  t.lab.events.all(t.namespace).filter((e) => e.reason === 'ImagePullProgress' && e.involvedObject?.name === name);

async function tellProgress(t: TestContext): Promise<void> {
  await using registry = await startOddRegistry(t, 5057);
  const made: Pod[] = [];
  try {
    for (const way of ['slow', 'stalled', 'silent'])
      made.push(await create(t, puller(t, nameOf(way), registry.image(way))));
    const { events } = t.lab;
    await expectWait(
      t,
      'odd-slow',
      'PullingImage',
      /\(\d+ %, \d+\.\d MiB of 9\.\d MiB, 3 of 4 layers, 0\.1 MiB\/s, about \d/,
    );
    await expectWait(t, 'odd-stalled', 'PullingImage', /of 5\.\d MiB, 1 of 2 layers, nothing has come for \d/);
    await expectWait(t, 'odd-silent', 'PullingImage', /pulling for \d\d s$/);
    // One Event, updated.
    const told = await events.until('an Event of the pull that is updated', () =>
      progressEvents(t, 'odd-slow').find((e) => (e.count ?? 0) >= 2),
    );
    assert.match(
      told.message ?? '',
      /^Pulling image ".*\/slow\/app:1" for \d+ s \(\d+ %, .* of 9\.\d MiB, 3 of 4 layers/,
    );
    assert.equal(progressEvents(t, 'odd-slow').length, 1);
    await untilReady(t, 'odd-slow');
    const { entries } = await t.lab.timeline(t.namespace, 'odd-slow');
    const lines = entries.filter((e) => e.kind === 'event' && e.reason === 'ImagePullProgress');
    assert.ok(lines.length >= 2, `the timeline has ${lines.length} lines of progress`);
    t.note(told.message ?? '');
  } finally {
    for (const one of made) await removeAndWait(t, one);
  }
}

export const oddRegistries = group('odd registries', [
  test('each way of going wrong has its reason and a sentence that helps', goWrong, { weight: 2 }),
  test('a slow pull says how far it is, a stalled one that nothing comes', (t) =>
    t.full ? tellProgress(t) : Promise.resolve(t.note('only with --full'))),
]);
