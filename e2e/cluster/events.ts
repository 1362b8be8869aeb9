// Events: which, in which order, in which words.
import assert from 'node:assert/strict';
import type { Event, Pod } from '../../src/types/k8s.ts';
import { create, image, pod, remove, rest, restingPod, shell, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** A Pod's events, oldest first. */
function eventsOf(t: TestContext, of: Pod): Event[] {
  const all = t.lab.events.all(t.namespace).filter((e) => e.involvedObject?.uid === of.metadata?.uid);
  return all.sort((a, b) => Number(a.metadata?.resourceVersion) - Number(b.metadata?.resourceVersion));
}

const words = (e: Event): string => `${e.type} ${e.reason}: ${e.message}`;

async function startAndStop(t: TestContext): Promise<void> {
  const made = await create(t, restingPod(t, 'plain'));
  await untilReady(t, 'plain');
  await remove(t, 'plain');
  await t.lab.events.until('the event Killing', () => eventsOf(t, made).some((e) => e.reason === 'Killing'));
  assert.deepEqual(eventsOf(t, made).map(words), [
    `Normal Pulled: Container image "${image}" already present on machine and can be accessed by the pod`,
    'Normal Created: Container created',
    'Normal Started: Container started',
    'Normal Killing: Stopping container main',
  ]);
  const [first] = eventsOf(t, made);
  assert.deepEqual(
    [first?.source, first?.involvedObject?.fieldPath],
    [{ component: 'kubelet', host: t.lab.node }, 'spec.containers{main}'],
  );
}

async function pulled(t: TestContext): Promise<void> {
  const pulledImage = 'registry.k8s.io/e2e-test-images/busybox:1.36.1-1';
  const made = await create(
    t,
    pod(t, 'pull', { containers: [shell('main', rest, { image: pulledImage, imagePullPolicy: 'Always' })] }),
  );
  await untilReady(t, 'pull');
  await t.lab.events.until('the event Started', () => eventsOf(t, made).some((e) => e.reason === 'Started'));
  const said = eventsOf(t, made).map(words);
  assert.equal(said[0], `Normal Pulling: Pulling image "${pulledImage}"`);
  assert.match(
    said[1] ?? '',
    /^Normal Pulled: Successfully pulled image "[^"]+" in [\d.]+m?s \([\d.]+m?s including waiting\)\. Image size: \d+ bytes\.$/,
  );
}

async function unpullable(t: TestContext): Promise<void> {
  const made = await create(
    t,
    pod(t, 'none', { containers: [shell('main', rest, { image: 'example.com/no/such:1' })] }),
  );
  await untilPod(
    t,
    'none',
    'to back off',
    (p) => p.status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff',
  );
  const last = 'Warning Failed: Error: ImagePullBackOff';
  await t.lab.events.until('the events of the back-off', () => eventsOf(t, made).some((e) => words(e) === last));
  const said = eventsOf(t, made).map(words);
  assert.equal(said[0], 'Normal Pulling: Pulling image "example.com/no/such:1"');
  assert.match(said[1] ?? '', /^Warning Failed: Failed to pull image "example\.com\/no\/such:1": /);
  assert.equal(said[2], 'Warning Failed: Error: ErrImagePull');
  assert.ok(said.includes('Normal BackOff: Back-off pulling image "example.com/no/such:1"'), said.join('\n'));
}

async function crashing(t: TestContext): Promise<void> {
  const made = await create(t, pod(t, 'crash', { containers: [shell('main', 'exit 1')] }));
  const backOff = await t.lab.events.until('the event BackOff', () =>
    eventsOf(t, made).find((e) => e.reason === 'BackOff'),
  );
  assert.equal(
    words(backOff),
    `Warning BackOff: Back-off restarting failed container main in pod crash_${t.namespace}(${made.metadata?.uid})`,
  );
  const counted = eventsOf(t, made).filter((e) => e.reason === 'Started');
  assert.equal(counted.length, 1, 'repeated events are counted in one object');
  assert.ok((counted[0]?.count ?? 0) >= 2);
}

export const events = group('events', [
  test('of a start and a stop', startAndStop),
  test('of a pull', pulled),
  test('of an image that cannot be pulled', unpullable),
  test('of a crashing container', crashing),
]);
