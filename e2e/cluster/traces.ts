// KubeletTracing: what a Pod waited for and what was done, seen by a collector; containerd is told of it.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startRuntime, stopRuntime, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { traceText } from '../../hack/otlp/traceText.ts';
import type { ReceivedSpan } from '../../src/tracing/testing/otlpSchema.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { startOddRegistry } from '../lib/oddRegistry.ts';
import { container, create, pod, removeAndWait, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { collectorAddress, startTraceReceiver, type TraceReceiver } from '../lib/traceReceiver.ts';

/** How long the volume of the test takes to be mounted, seconds. */
const SLOW_VOLUME = 4;
const PASSWORD = 'correct-horse-battery-staple';

/** A FlexVolume driver whose disk is slow. */
function slowDriver(t: TestContext): { readonly name: string } & Disposable {
  const directory = path.join(t.lab.cluster.layout.node, 'volume-plugins', `e2e~${t.namespace}-slow`);
  mkdirSync(directory, { recursive: true });
  const script = `#!/bin/sh
ok() { echo '{"status":"Success"}'; exit 0; }
case "$1" in
  init) echo '{"status":"Success","capabilities":{"attach":false}}';;
  mount) sleep ${SLOW_VOLUME}; mkdir -p "$2" && mount -t tmpfs none "$2" >&2 && ok;;
  unmount) umount "$2" 2>/dev/null; ok;;
  *) echo '{"status":"Not supported"}';;
esac
`;
  writeFileSync(path.join(directory, `${t.namespace}-slow`), script, { mode: 0o755 });
  return {
    name: `e2e/${t.namespace}-slow`,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function slowPod(t: TestContext, driver: string, image: string): Pod {
  return pod(t, 'slow', {
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'Always',
        // The first life is over when the test says so; the second stays.
        command: [
          'sh',
          '-c',
          "trap 'exit 0' TERM; touch /tmp/up; while [ ! -e /data/end ]; do sleep 0.2; done; rm /data/end; exit 3",
        ],
        env: [
          { name: 'LITERAL', value: PASSWORD },
          { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'password', key: 'it' } } },
        ],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
        readinessProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, initialDelaySeconds: 2, periodSeconds: 1 },
      },
    ],
    volumes: [{ name: 'data', flexVolume: { driver } }],
  });
}

const took = ({ start, end }: ReceivedSpan): number => end - start;

/** The one span of a name, with this attribute where given. */
function the(trace: readonly ReceivedSpan[], name: string, attributes: object = {}): ReceivedSpan {
  const found = trace.filter(
    (span) => span.name === name && Object.entries(attributes).every(([key, value]) => span.attributes[key] === value),
  );
  assert.equal(found.length, 1, `${name} ${JSON.stringify(attributes)}: ${found.length} of\n${traceText(trace)}`);
  return found[0]!;
}

/** The names of the spans above this one, nearest first. */
function above(trace: readonly ReceivedSpan[], span: ReceivedSpan): string[] {
  const parent = trace.find(({ spanId }) => spanId === span.parentSpanId);
  return parent ? [parent.name, ...above(trace, parent)] : [];
}

const call = (name: string): string => `runtime.v1.${name === 'PullImage' ? 'Image' : 'Runtime'}Service/${name}`;

function assertStart(trace: readonly ReceivedSpan[], image: string): void {
  const root = the(trace, 'Pod start');
  const volume = the(trace, 'MountingVolume', { 'k8s.volume.name': 'data' });
  assert.ok(took(volume) >= SLOW_VOLUME * 900, `the volume took ${took(volume)} ms`);
  const pull = the(trace, 'PullingImage', { 'k8s.container.name': 'main', 'container.image.name': image });
  assert.ok(took(pull) >= 10_000, `the image took ${took(pull)} ms`);
  assert.ok(took(the(trace, 'ReadinessProbe', { 'k8s.container.name': 'main' })) >= 1_000);
  const syncs = trace.filter(({ name }) => name === 'syncPod');
  assert.equal(syncs.filter(({ attributes }) => attributes['k8s.pod.update_type'] === 'create').length, 1);
  for (const sync of syncs) assert.equal(sync.attributes['k8s.pod.uid'], root.attributes['k8s.pod.uid']);
  const ways = {
    RunPodSandbox: ['createSandbox', 'syncPod', 'Pod start'],
    PullImage: ['ensureImage', 'syncPod', 'Pod start'],
    CreateContainer: ['createContainer', 'syncPod', 'Pod start'],
    StartContainer: ['startContainer', 'syncPod', 'Pod start'],
  };
  for (const [name, way] of Object.entries(ways)) {
    const client = trace.filter((span) => span.name === call(name) && span.kind === 3);
    assert.equal(client.length, 1, `${name} in\n${traceText(trace)}`);
    assert.deepEqual(above(trace, client[0]!), way);
    assert.equal(client[0]!.attributes['rpc.response.status_code'], 'OK');
  }
  const writes = trace.filter(({ attributes }) => String(attributes['url.full']).endsWith('/pods/slow/status'));
  assert.ok(writes.length > 0);
  for (const write of writes) assert.deepEqual(above(trace, write), ['StatusWrite', 'Pod start']);
  assert.ok(root.events.some(({ name }) => name === 'Pulled'));
  // The Pod is up when the last of it is over.
  assert.ok(took(root) >= Math.max(took(pull), took(volume)));
}

/** containerd's own spans of a call hang below ours. */
async function assertToldRuntime(receiver: TraceReceiver, uid: string): Promise<number> {
  return waitFor('containerd’s spans', { timeout: patience, interval: 500 }, async () => {
    const trace = await receiver.trace('Pod start', uid);
    const client = trace.find(({ name, kind }) => name === call('RunPodSandbox') && kind === 3);
    const served = trace.find(
      ({ resource, parentSpanId }) => resource['service.name'] === 'containerd' && parentSpanId === client?.spanId,
    );
    return served && trace.filter(({ resource }) => resource['service.name'] === 'containerd').length;
  });
}

async function traced(t: TestContext): Promise<void> {
  await using receiver = await startTraceReceiver(t);
  await using registry = await startOddRegistry(t, 5061);
  using driver = slowDriver(t);
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/secrets`, {
    ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'password' }, stringData: { it: `${PASSWORD}-secret` } },
  });
  const made = await create(t, slowPod(t, driver.name, registry.image('slow')));
  const uid = made.metadata?.uid ?? '';
  try {
    await untilReady(t, 'slow');
    assertStart(await receiver.trace('Pod start', uid), registry.image('slow'));
    const fromRuntime = await assertToldRuntime(receiver, uid);
    t.note(
      `\n${traceText((await receiver.trace('Pod start', uid)).filter(({ kind, resource }) => kind !== 2 && resource['service.name'] === 'kubelet'))}`,
    );

    const id = container(await untilReady(t, 'slow'), 'main')?.containerID;
    const { exitCode } = await t.lab.cri.execSync(id?.replace(/^\w+:\/\//, '') ?? '', ['touch', '/data/end'], 30);
    assert.equal(exitCode, 0);
    await untilPod(t, 'slow', 'to run again', (p) => container(p, 'main')?.restartCount === 1);
    await untilReady(t, 'slow');
    const restart = await receiver.trace('Pod restart', uid);
    the(restart, 'createContainer');
    assert.deepEqual(above(restart, the(restart, 'startContainer')), ['syncPod', 'Pod restart']);

    await removeAndWait(t, made);
    const stop = await receiver.trace('Pod stop', uid);
    the(stop, 'StoppingContainer', { 'k8s.container.name': 'main' });
    assert.ok(
      stop.some(({ name }) => name === 'syncTerminatingPod') && stop.some(({ name }) => name === 'syncTerminatedPod'),
    );
    assert.ok(!receiver.text.includes(PASSWORD), 'a value of the environment is in a span');
    const own = receiver.spans.filter(({ resource }) => resource['service.name'] === 'kubelet');
    assert.ok(own.every(({ resource }) => resource['host.name'] === t.lab.node));
    t.note(`${receiver.spans.length} spans, ${fromRuntime} of them containerd's in the Pod's start`);
  } finally {
    await removeAndWait(t, made);
  }
}

/** The agent and the runtime send traces during `run`; afterwards as before. */
function withTracing(run: (t: TestContext) => Promise<void>): (t: TestContext) => Promise<void> {
  return async (t) => {
    const { lab } = t;
    const restart = async (env: Record<string, string>, config: object) => {
      await stopRuntime(lab.cluster);
      await startRuntime(lab.cluster, env);
      await lab.restartAgent({ config });
      await waitForNodeReady(lab.cluster, patience);
    };
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${collectorAddress}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
      OTEL_TRACES_SAMPLER: 'parentbased_always_off',
    };
    try {
      await restart(env, { tracing: { samplingRatePerMillion: 1_000_000 } });
      await run(t);
    } finally {
      await restart({}, {});
    }
  };
}

export const traces = group('traces', [
  test('of a Pod with a slow image and a slow volume', withTracing(traced), { mode: 'alone' }),
]);
