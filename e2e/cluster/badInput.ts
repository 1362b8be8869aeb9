// Bad input on a real node: one clear error each, and nothing else is harmed.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { logFile } from '../../hack/cluster/service.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from '../lib/collection.ts';
import { outMount, outVolume } from '../lib/files.ts';
import { mirrorName, removeManifest, staticPod, writeInPlace, writeManifest } from '../lib/manifests.ts';
import { container, create, pod, rest, restingPod, shell, untilPhase, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** Lines of the agent's log that contain all of these texts. */
function said(t: TestContext, ...texts: string[]): string[] {
  const lines = readFileSync(logFile(t.lab.cluster, 'kubelet'), 'utf8').split('\n');
  return lines.filter((line) => texts.every((text) => line.includes(text)));
}

/** A Pod that must not notice anything. */
async function bystander(t: TestContext): Promise<() => void> {
  await create(t, restingPod(t, 'bystander'));
  const before = await untilReady(t, 'bystander');
  return () => {
    const now = container(t.lab.pods.get(t.namespace, 'bystander'), 'main');
    assert.equal(now?.containerID, container(before, 'main')?.containerID);
    assert.equal(now?.restartCount, 0);
  };
}

const huge = (n: number): string => 'x'.repeat(n);

/** File name → content, and a text that the one error about it contains. */
function badManifests(t: TestContext): Record<string, readonly [content: string | object, error: string]> {
  const base = staticPod(t, 'bad');
  const withSpec = (spec: object): object => ({ ...base, spec: { ...base.spec, ...spec } });
  return {
    'not-yaml': ['{ "kind": "Pod", ', ''],
    'not-a-pod': [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' } }, 'Deployment'],
    empty: ['', ''],
    'no-containers': [withSpec({ containers: [] }), 'spec.containers'],
    'bad-name': [{ ...base, metadata: { name: '../../etc/cron.d/x', namespace: t.namespace } }, 'metadata.name'],
    'bad-namespace': [{ ...base, metadata: { name: 'x', namespace: '../kube-system' } }, 'metadata.namespace'],
    'bad-uid': [{ ...base, metadata: { name: 'x', namespace: t.namespace, uid: '../../../tmp/x' } }, 'uid'],
    'secret-reference': [withSpec({ volumes: [{ name: 's', secret: { secretName: 's' } }] }), 'secret'],
    'wrong-type': [withSpec({ terminationGracePeriodSeconds: 'soon' }), 'terminationGracePeriodSeconds'],
    'absurd-quantity': [
      withSpec({ containers: [shell('main', rest, { resources: { requests: { memory: '-5Gi' } } })] }),
      'memory',
    ],
    'billion-laughs': [
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(',')}]`)
        .join('\n')}\nkind: Pod\n`,
      '',
    ],
    'too-big': [`# ${huge(11 * 1024 * 1024)}\n`, ''],
    'deeply-nested': [`${'['.repeat(20_000)}`, ''],
  };
}

async function hostileManifests(t: TestContext): Promise<void> {
  const unharmed = await bystander(t);
  const all = badManifests(t);
  try {
    for (const [name, [content]] of Object.entries(all)) writeManifest(t, name, content);
    writeManifest(t, 'good', staticPod(t, 'good'));
    await untilReady(t, mirrorName(t, 'good'));
    for (const [name, [, error]] of Object.entries(all)) {
      const lines = await waitFor(`an error about ${name}`, { timeout: patience }, () => {
        const found = said(t, `${t.namespace}-${name}.json`);
        return found.length > 0 ? found : undefined;
      });
      assert.ok(
        lines.some((line) => line.includes(error)),
        `${name}: ${lines[0]}`,
      );
      assert.equal(lines.length, 1, `${name} is complained about ${lines.length} times`);
      assert.ok((lines[0]?.length ?? 0) < 4000, `${name}: an error of ${lines[0]?.length} characters`);
    }
    assert.deepEqual(
      t.lab.pods
        .all(t.namespace)
        .map((p) => p.metadata?.name)
        .sort(),
      ['bystander', mirrorName(t, 'good')].sort(),
    );
    unharmed();
  } finally {
    for (const name of [...Object.keys(all), 'good']) removeManifest(t, name);
  }
}

async function halfWritten(t: TestContext): Promise<void> {
  const text = JSON.stringify(staticPod(t, 'half'));
  try {
    writeInPlace(t, 'half', text.slice(0, text.length / 2));
    await waitFor(
      'an error about the half',
      { timeout: patience },
      () => said(t, `${t.namespace}-half.json`).length > 0,
    );
    writeInPlace(t, 'half', text);
    const up = await untilReady(t, mirrorName(t, 'half'));
    // A running Pod whose file is damaged goes on.
    const errors = said(t, `${t.namespace}-half.json`).length;
    writeInPlace(t, 'half', text.slice(0, -3));
    await waitFor(
      'another error about it',
      { timeout: patience },
      () => said(t, `${t.namespace}-half.json`).length > errors,
    );
    const now = t.lab.pods.get(t.namespace, mirrorName(t, 'half'));
    assert.equal(container(now, 'main')?.containerID, container(up, 'main')?.containerID);
    assert.equal(now?.metadata?.deletionTimestamp, undefined);
  } finally {
    removeManifest(t, 'half');
  }
}

async function unpullable(t: TestContext): Promise<void> {
  const unharmed = await bystander(t);
  const images: Record<string, [image: string, reason: string]> = {
    'no-host': ['no-such-host.invalid/a/b:1', 'ErrImagePull'],
    'no-tag': ['docker.io/library/busybox:no-such-tag', 'ErrImagePull'],
    'no-digest': [`docker.io/library/busybox@sha256:${'0'.repeat(64)}`, 'ErrImagePull'],
    'upper-case': ['Docker.io/BusyBox', 'InvalidImageName'],
    'shell-words': ['busybox;rm -rf /', 'InvalidImageName'],
    path: ['../../etc/passwd', 'InvalidImageName'],
  };
  for (const [name, [image]] of Object.entries(images))
    await create(t, pod(t, name, { containers: [shell('main', rest, { image })] }));
  for (const [name, [, reason]] of Object.entries(images)) {
    const made = await untilPod(t, name, `to show ${reason}`, (p) => {
      const versions = t.lab.pods.history(p.metadata?.uid ?? '');
      return versions.some(({ object }) => container(object, 'main')?.state?.waiting?.reason === reason);
    });
    assert.ok((container(made, 'main')?.state?.waiting?.message ?? '') !== '', `${name} without a message`);
  }
  unharmed();
}

async function absurdResources(t: TestContext): Promise<void> {
  const unharmed = await bystander(t);
  const resources: Record<string, [quantity: object, reason: string]> = {
    cpus: [{ cpu: '9223372036854775' }, 'OutOfcpu'],
    memory: [{ memory: '8Ei' }, 'OutOfmemory'],
    storage: [{ 'ephemeral-storage': '7Ei' }, 'OutOfephemeral-storage'],
    gpu: [{ 'example.com/gpu': '1000000' }, ''],
  };
  for (const [name, [quantity]] of Object.entries(resources)) {
    const main = shell('main', rest, { resources: { limits: quantity as Record<string, string> } });
    await create(t, pod(t, name, { containers: [main] }));
  }
  for (const [name, [, reason]] of Object.entries(resources)) {
    // The node knows nothing of this extended resource, and a kubelet leaves such requests to the scheduler.
    if (reason === '') await untilReady(t, name);
    else assert.equal((await untilPhase(t, name, 'Failed')).status?.reason, reason);
  }
  unharmed();
}

async function hostilePaths(t: TestContext): Promise<void> {
  const unharmed = await bystander(t);
  const mark = `${t.directory}/outside`;
  const volumes = [{ name: 'e', emptyDir: {} }, outVolume(t)];
  // The first Pod plants a link that leads out of its volume; subPath must not follow it.
  const plant = shell('plant', `ln -s ${t.directory} /e/link; ln -s / /e/root`, {
    volumeMounts: [{ name: 'e', mountPath: '/e' }],
  });
  const victim = shell('main', `touch /confined/outside; touch /out/tried; ${rest}`, {
    volumeMounts: [{ name: 'e', mountPath: '/confined', subPath: 'link' }, outMount],
  });
  await create(t, pod(t, 'escape', { volumes, initContainers: [plant], containers: [victim] }));
  const shown = await untilPod(t, 'escape', 'to be refused or confined', (p) => {
    const main = container(p, 'main');
    return main?.state?.waiting?.reason === 'CreateContainerConfigError' || main?.state?.running;
  });
  if (container(shown, 'main')?.state?.running)
    await waitFor('its attempt', { timeout: patience }, () => existsSync(`${t.directory}/tried`));
  assert.equal(existsSync(mark), false, 'a subPath led out of its volume');
  unharmed();
}

export const badInput = group('bad input', [
  test('hostile manifests', hostileManifests),
  test('half-written manifests', halfWritten),
  test('images that cannot be pulled', unpullable),
  test('absurd resources', absurdResources),
  test('a subPath that leads out of its volume', hostilePaths),
]);
