import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectCri } from '../cri/client.ts';
import { startFakeCri } from '../cri/fake/fakeCri.ts';
import { DeviceManager } from '../devices/deviceManager.ts';
import { deviceCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { parseMountInfo } from '../lib/linux/mountInfo.ts';
import { silentLogger } from '../lib/logger.ts';
import { NodePressure } from '../pods/nodePressure.ts';
import { PodTable } from '../pods/table.ts';
import type { Node } from '../types/k8s.ts';
import { testSettings } from './fake/facts.ts';
import { TestApi } from './fake/nodeApi.ts';
import { LocalNode } from './localNode.ts';
import type { CsiNodePresence, LocalNodeOptions, NodeConnection } from './localNodeOptions.ts';

/** What of this program's volumes outlasts Pods, as a test says. */
let inUse: readonly string[] = [];
let tellInUse = () => {};
const seen: (readonly string[])[] = [];
const volumes = {
  inUse: () => inUse,
  plugins: new Set(),
  nodeSeen: ({ status }: Node) => void seen.push(status?.volumesInUse ?? []),
  onInUse: (listener: () => void) => {
    tellInUse = listener;
  },
};
beforeEach(() => {
  inUse = [];
});

test('a deleted Node keeps its labels for the Pods that go on, and has no UID that a mirror Pod could belong to', async () => {
  await using runtime = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: runtime.endpoint });
  const devices = () => ({ capacity: {}, allocatable: {}, removed: [] });
  const options = {
    settings: testSettings,
    rootDir: '/',
    cri,
    clock: new ManualClock(),
    pressure: new NodePressure(),
    log: silentLogger,
    notReady: () => [],
    unlisted: () => undefined,
    volumes,
    devices,
  };
  using side = await LocalNode.create(options as unknown as LocalNodeOptions);
  const labels = { zone: 'a' };
  side.seen({ metadata: { name: 'node-1', uid: 'first', resourceVersion: '7', labels } });
  expect(side.node.metadata?.uid).toBe('first');
  side.seen(undefined);
  expect(side.node.metadata).toEqual({ name: 'node-1', labels });
  side.seen({ metadata: { name: 'node-1', uid: 'second' } });
  expect(side.node.metadata?.uid).toBe('second');
});

describe('a node taken over from another kubelet', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'kts-nodeside-'));
    startup = [];
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const gpus = { 'vendor.example/gpu': '2', 'by.hand/licence': '5' };
  const takenOver = (): Node => ({
    metadata: { name: 'node-1', resourceVersion: '1' },
    status: {
      capacity: { cpu: '1', ...gpus },
      allocatable: { cpu: '1', ...gpus },
      volumesInUse: ['kubernetes.io/csi/driver^disk'],
      volumesAttached: [{ name: 'kubernetes.io/csi/driver^disk', devicePath: '' }],
      config: { error: 'somebody else says so' },
      declaredFeatures: ['InPlacePodVerticalScalingInitContainers', 'RestartAllContainersOnContainerExits'],
    },
  });

  function pluginsWere(registered: Record<string, readonly string[]>): void {
    mkdirSync(join(root, 'device-plugins'));
    const checkpoint = { Data: { PodDeviceEntries: null, RegisteredDevices: registered } };
    writeFileSync(join(root, 'device-plugins/kubelet_internal_checkpoint'), deviceCheckpoint().encode(checkpoint));
  }

  /** What was told of the node's start. */
  let startup: string[] = [];

  /** Runs a node against the API until its first status is there; `mounts` is the mount table. */
  async function serve(
    node: Node,
    mounts: () => string,
    then: (api: TestApi, clock: ManualClock, pressure: NodePressure) => Promise<void>,
    csiNode?: CsiNodePresence,
    unlisted: () => string | undefined = () => undefined,
  ) {
    await using runtime = await startFakeCri();
    using cri = connectCri({ runtimeEndpoint: runtime.endpoint });
    const clock = new ManualClock();
    const config = {
      registerNode: true,
      nodeStatusUpdateFrequency: 10_000,
      nodeStatusReportFrequency: 300_000,
      nodeLeaseDurationSeconds: 40,
    };
    const mounter = { list: async () => parseMountInfo(mounts()) };
    const settings = { ...testSettings, enabledGates: ['RestartAllContainersOnContainerExits'] };
    const pressure = new NodePressure();
    const log = silentLogger;
    await using manager = new DeviceManager({ rootDir: root, table: new PodTable(), clock, log });
    await manager.load();
    const devices = () => manager.capacity();
    const seams = { cri, mounter, clock, pressure, log, recordEvent: () => {}, notReady: () => [], devices };
    const told = (step: string) => () => void startup.push(step);
    const heard = { attempt: told('attempt'), created: told('created'), ready: told('ready') };
    const own = { volumes, unlisted, startup: heard, ...(csiNode && { csiNode }) };
    const options = { config, settings, rootDir: root, ...seams, ...own };
    using side = await LocalNode.create(options as unknown as LocalNodeOptions);
    const api = new TestApi();
    api.node = node;
    const reflector = { start: () => {}, objects: () => new Map() };
    side.start();
    const serving = side.serve(
      { heartbeat: api, node: reflector } as unknown as NodeConnection,
      () => {},
      () => {},
    );
    if (!csiNode) await until(() => (api.node?.status?.conditions?.length ?? 0) > 0);
    await then(api, clock, pressure);
    side[Symbol.dispose]();
    await serving.catch(() => undefined);
  }

  test('a runtime whose lists hang makes the Node not ready until one comes through', async () => {
    const sentence = 'PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s';
    let said: string | undefined;
    const then = async (api: TestApi, clock: ManualClock) => {
      const ready = () => api.node?.status?.conditions?.find(({ type }) => type === 'Ready');
      await until(() => ready()?.status === 'True');
      await until(() => startup.includes('ready'));
      expect(startup[0]).toBe('attempt');
      said = sentence;
      await clock.advanceAsync(12_000);
      await until(() => ready()?.status === 'False');
      expect(ready()).toMatchObject({ reason: 'KubeletNotReady', message: sentence });
      said = undefined;
      await clock.advanceAsync(12_000);
      await until(() => ready()?.status === 'True');
    };
    await serve(
      takenOver(),
      () => '',
      then,
      undefined,
      () => said,
    );
  });

  const disk = () => `30 1 8:1 / ${root}/plugins/kubernetes.io/csi/driver/1a/globalmount rw - ext4 /dev/sdb rw\n`;

  test("keeps volumesInUse while something is mounted, and no longer; what is others' stays", async () => {
    let table = disk();
    await serve(
      takenOver(),
      () => table,
      async (api, clock) => {
        expect(api.node?.status).toMatchObject({
          volumesInUse: ['kubernetes.io/csi/driver^disk'],
          volumesAttached: [{ name: 'kubernetes.io/csi/driver^disk' }],
          config: { error: 'somebody else says so' },
          declaredFeatures: ['RestartAllContainersOnContainerExits'],
        });
        table = '';
        await until(() => {
          clock.advance(1000);
          return api.node?.status?.volumesInUse?.length === 0;
        });
        expect(api.node?.status?.volumesAttached).toHaveLength(1);
      },
    );
  });

  test('a pressure condition that changes is written at once', async () => {
    await serve(takenOver(), disk, async (api, clock, pressure) => {
      const shown = () => api.node?.status?.conditions?.find((c) => c.type === 'DiskPressure')?.status;
      const before = clock.now().mono;
      pressure.publish(['DiskPressure']);
      await until(() => shown() === 'True');
      pressure.publish([]);
      await until(() => shown() === 'False');
      expect(clock.now().mono).toBe(before);
    });
  });

  /** A CSINode that a test says is there. */
  function gate() {
    const initialized = Promise.withResolvers<void>();
    const listeners = new Set<() => void>();
    let problem: string | undefined = 'CSINode is not yet initialized';
    const csiNode: CsiNodePresence = {
      problem: () => problem,
      onChange: (listener) => {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
      initialize: () => initialized.promise,
    };
    const done = () => {
      problem = undefined;
      for (const listener of listeners) listener();
      initialized.resolve();
    };
    return { csiNode, done };
  }
  const messageOf = (api: TestApi) => api.node?.status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';

  test('the first status waits for the CSINode', async () => {
    const { csiNode, done } = gate();
    const then = async (api: TestApi) => {
      await until(() => api.calls.includes('get Lease') || api.calls.includes('get Node'));
      expect(messageOf(api)).toBe('');
      done();
      await until(() => messageOf(api) !== '');
      expect(messageOf(api)).not.toContain('CSINode');
    };
    await serve(takenOver(), () => '', then, csiNode);
  });

  test('a CSINode that does not come keeps the Node from being ready, in kubelet’s words, and no longer than it lasts', async () => {
    const { csiNode, done } = gate();
    const then = async (api: TestApi, clock: ManualClock) => {
      await until(() => {
        clock.advance(1000);
        return messageOf(api).includes('CSINode is not yet initialized');
      });
      done();
      await until(() => !messageOf(api).includes('CSINode'));
    };
    await serve(takenOver(), () => '', then, csiNode);
  });

  test('a volume that is wanted is told to the API server at once, and its owner hears when that has it', async () => {
    await serve(
      takenOver(),
      () => '',
      async (api) => {
        inUse = ['kubernetes.io/csi/d^1'];
        tellInUse();
        await until(() => api.node?.status?.volumesInUse?.[0] === 'kubernetes.io/csi/d^1');
        await until(() => seen.at(-1)?.[0] === 'kubernetes.io/csi/d^1');
      },
    );
  });

  test('has none of what device plug-ins had registered, and all that an administrator advertised', async () => {
    pluginsWere({ 'vendor.example/gpu': ['0', '1'], 'new.example/nic': [] });
    await serve(takenOver(), disk, async (api) => {
      const now = { 'vendor.example/gpu': '0', 'new.example/nic': '0', 'by.hand/licence': '5' };
      expect(api.node?.status).toMatchObject({ capacity: now, allocatable: now });
    });
  });

  test('from another disk has no extended resources at first; what is advertised later stays over a restart', async () => {
    await serve(takenOver(), disk, async (api) => {
      const now = { 'vendor.example/gpu': '0', 'by.hand/licence': '0' };
      expect(api.node?.status).toMatchObject({ capacity: now, allocatable: now });
      await until(() => existsSync(join(root, 'device-plugins')));
    });
    await serve(takenOver(), disk, async (api) => {
      expect(api.node?.status).toMatchObject({ capacity: gpus, allocatable: gpus });
    });
  });
});
