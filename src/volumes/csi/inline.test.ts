import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { failure, until } from '../../lib/fake/until.ts';
import type { NodePublishVolumeRequestOut } from '../../plugins/generated/csi/csi.ts';
import { RpcStatus } from '../../rpc/service.ts';
import type { CSIDriverSpec, StoredPod, Volume } from '../../types/k8s.ts';
import type { Lookup, VolumeContext, VolumeManager } from '../contract.ts';
import { createVolumeManager } from '../manager.ts';
import { base64, podWith } from '../testing/fixtures.ts';
import { refuses } from './fake/driver.ts';
import { CsiTestNode, DRIVER, NODE } from './fake/node.ts';
import { attachmentName, inlineHandle } from './names.ts';

let node: CsiTestNode;
let manager: VolumeManager;
let object: Lookup<unknown>;
const volume: Volume = {
  name: 'v',
  csi: { driver: DRIVER, fsType: 'ext4', volumeAttributes: { size: '1Gi' }, nodePublishSecretRef: { name: 's' } },
};
const context = {
  objects: { get: () => object },
  token: async (demand: { audiences: readonly string[] }) => ({
    token: `t-${demand.audiences.join()}`,
    expiresAt: Date.UTC(2026, 0, 1),
    refreshAt: 1,
  }),
  nodeAllocatable: {},
} as unknown as VolumeContext;

function cluster(spec: CSIDriverSpec): void {
  const defaults = { fsGroupPolicy: 'ReadWriteOnceWithFSType', volumeLifecycleModes: ['Ephemeral'] };
  object = { state: 'present', object: { metadata: { name: DRIVER }, spec: { ...defaults, ...spec } } };
}

beforeEach(async () => {
  node = await CsiTestNode.start();
  manager = createVolumeManager({ root: node.root, mounter: node.mounter, csi: node.services });
  node.api.objects.set('Secret', { metadata: { name: 's', namespace: 'shop' }, data: { password: base64('pw') } });
  cluster({});
});
afterEach(() => node[Symbol.asyncDispose]());

const pod = (spec: Partial<StoredPod['spec']> = {}) => podWith([volume], spec);
const mount = (spec: Partial<StoredPod['spec']> = {}) => manager.mount(pod(spec), volume, context, node.signal);
const directory = () => join(node.root, 'pods/uid-1/volumes/kubernetes.io~csi/v');
const target = () => join(directory(), 'mount');
const unmount = () => manager.unmountAll('uid-1', node.signal);
const published = (driver: { requests(m: string): unknown[] }) =>
  driver.requests('NodePublishVolume') as NodePublishVolumeRequestOut[];

describe('an inline CSI volume', () => {
  test('is published with what the Pod says, noted on disk, and taken down from the note', async () => {
    const driver = await node.registered();
    expect(await mount()).toEqual({
      ...{ name: 'v', hostPath: target(), digest: '', tmpfs: false },
      seLinuxRelabel: false,
    });
    const handle = inlineHandle('uid-1', 'v');
    expect(published(driver)).toEqual([
      {
        volumeId: handle,
        targetPath: target(),
        stagingTargetPath: '',
        readonly: false,
        publishContext: {},
        volumeContext: { size: '1Gi' },
        secrets: { password: 'pw' },
        volumeCapability: {
          accessMode: { mode: 'SINGLE_NODE_WRITER' },
          mount: { fsType: 'ext4', mountFlags: [], volumeMountGroup: '' },
        },
      },
    ]);
    expect(readFileSync(join(directory(), 'vol_data.json'), 'utf8')).toBe(
      `{"attachmentID":"${attachmentName(handle, DRIVER, NODE)}","driverName":"${DRIVER}","nodeName":"n1","specVolID":"v","volumeHandle":"${handle}","volumeLifecycleMode":"Ephemeral"}\n`,
    );
    expect(statSync(directory()).mode & 0o777).toBe(0o750);
    await unmount();
    expect(driver.requests('NodeUnpublishVolume')).toEqual([{ volumeId: handle, targetPath: target() }]);
    expect(existsSync(join(node.root, 'pods/uid-1/volumes'))).toBe(false);
  });

  test('handles and attachments have the names that every kubelet gives them', () => {
    const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(inlineHandle('uid-1', 'v')).toBe(`csi-${sha256('uid-1v')}`);
    expect(attachmentName('handle', 'driver', 'node')).toBe(`csi-${sha256('handledrivernode')}`);
  });

  test('podInfoOnMount, tokenRequests and the group go to the driver that asks for them', async () => {
    cluster({ podInfoOnMount: true, tokenRequests: [{ audience: 'b' }, { audience: '' }] });
    const driver = await node.registered({ capabilities: ['VOLUME_MOUNT_GROUP', 'SINGLE_NODE_MULTI_WRITER'] });
    await mount({ securityContext: { fsGroup: 77 } });
    const [request] = published(driver);
    expect(request!.volumeContext).toEqual({
      size: '1Gi',
      'csi.storage.k8s.io/pod.name': 'web',
      'csi.storage.k8s.io/pod.namespace': 'shop',
      'csi.storage.k8s.io/pod.uid': 'uid-1',
      'csi.storage.k8s.io/serviceAccount.name': 'robot',
      'csi.storage.k8s.io/ephemeral': 'true',
      'csi.storage.k8s.io/serviceAccount.tokens':
        '{"":{"token":"t-","expirationTimestamp":"2026-01-01T00:00:00Z"},"b":{"token":"t-b","expirationTimestamp":"2026-01-01T00:00:00Z"}}',
    });
    expect(request!.volumeCapability!.mount!.volumeMountGroup).toBe('77');
    expect(request!.volumeCapability!.accessMode!.mode).toBe('SINGLE_NODE_MULTI_WRITER');
  });

  test('with serviceAccountTokenInSecrets tokens are no attributes', async () => {
    cluster({ serviceAccountTokenInSecrets: true, tokenRequests: [{ audience: 'b' }] });
    const driver = await node.registered();
    await mount();
    expect(Object.keys(published(driver)[0]!.secrets)).toEqual([
      'password',
      'csi.storage.k8s.io/serviceAccount.tokens',
    ]);
    expect(published(driver)[0]!.volumeContext).toEqual({ size: '1Gi' });
  });

  test('files get the group here where the driver does not do it', async () => {
    await node.registered();
    const group = process.getgid!();
    await mount({ securityContext: { fsGroup: group } });
    expect(statSync(target())).toMatchObject({ gid: group });
    expect(statSync(target()).mode & 0o7777).toBe(0o2775 & statSync(target()).mode);
    expect(statSync(target()).mode & 0o2070).toBe(0o2070);
  });

  test('one that is published again is looked at, and not walked under its Pod', async () => {
    cluster({ requiresRepublish: true });
    await node.registered();
    const securityContext = { fsGroup: process.getgid!() };
    await mount({ securityContext });
    writeFileSync(join(target(), 'file'), '', { mode: 0o600 });
    await mount({ securityContext });
    expect(statSync(join(target(), 'file')).mode & 0o777).toBe(0o600);
  });

  test('requiresRepublish: published again when it is due, and only then', async () => {
    const driver = await node.registered();
    await mount();
    await manager.update(pod(), volume, context, node.signal);
    expect(published(driver)).toHaveLength(1);
    cluster({ requiresRepublish: true });
    const before = Date.now();
    const update = await manager.update(pod(), volume, context, node.signal);
    expect(update.refreshAt).toBeGreaterThanOrEqual(before + 60_000);
    expect(published(driver)).toHaveLength(2);
  });

  test('a refused republish takes nothing away from the containers', async () => {
    cluster({ requiresRepublish: true });
    const driver = await node.registered();
    await mount();
    driver.before = refuses('expired');
    await failure(manager.update(pod(), volume, context, node.signal));
    expect(existsSync(join(directory(), 'vol_data.json'))).toBe(true);
    expect(existsSync(target())).toBe(true);
  });

  test.each([
    [
      'no driver of that name',
      async () => {},
      `kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name ${DRIVER} not found in the list of registered CSI drivers`,
    ],
    [
      'no CSIDriver object',
      async () => {
        await node.registered();
        object = { state: 'absent' };
      },
      `kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode: volume mode "Ephemeral" not supported by driver ${DRIVER} (no CSIDriver object)`,
    ],
    [
      'a driver for persistent volumes only',
      async () => {
        await node.registered();
        cluster({ volumeLifecycleModes: ['Persistent'] });
      },
      `kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode: volume mode "Ephemeral" not supported by driver ${DRIVER} (only supports ["Persistent"])`,
    ],
    [
      'a missing Secret',
      async () => {
        await node.registered();
        node.api.objects.remove('Secret', 'shop', 's');
      },
      'fetching NodePublishSecretRef shop/s failed: kubernetes.io/csi: failed to find the secret s in the namespace shop with error: secrets "s" not found',
    ],
    [
      'a refusal',
      async () => {
        (await node.registered()).before = (call) => {
          if (call.method === 'NodePublishVolume') throw new RpcStatus(status.INVALID_ARGUMENT, 'bad size');
        };
      },
      'rpc error: code = InvalidArgument desc = bad size',
    ],
  ])('%s is a sentence, tried again, and leaves nothing', async (_what, prepare, sentence) => {
    await prepare();
    expect(await failure(mount())).toMatchObject({
      message: `MountVolume.SetUp failed for volume "v" : ${sentence}`,
    });
    expect(existsSync(directory())).toBe(false);
    await unmount();
  });

  test('after an answer that settles nothing the note stays, and the volume is unpublished with the Pod', async () => {
    const driver = await node.registered();
    driver.late = ({ method }) => {
      if (method === 'NodePublishVolume') throw new RpcStatus(status.ABORTED, 'still at it');
    };
    expect(await failure(mount())).toMatchObject({
      message: expect.stringContaining('code = Aborted desc = still at it'),
    });
    expect(existsSync(join(directory(), 'vol_data.json'))).toBe(true);
    await unmount();
    expect(driver.count('NodeUnpublishVolume')).toBe(1);
  });

  test("a driver that vanished holds the Pod's end, by name, until it is back", async () => {
    const driver = await node.registered();
    await mount();
    await node.registration.deregister(node.plugin(), node.signal);
    expect(await failure(unmount())).toMatchObject({
      message: expect.stringContaining(
        `UnmountVolume.TearDown failed for volume "v" : kubernetes.io/csi: Unmounter.TearDownAt failed to get CSI client: driver name ${DRIVER} not found`,
      ),
    });
    await node.registration.register(node.plugin(), node.signal);
    await unmount();
    expect(driver.volumes.get(inlineHandle('uid-1', 'v'))!.published.size).toBe(0);
  });

  test('nobody is asked to unpublish what it is still publishing, even when the wait for it was given up', async () => {
    const driver = await node.registered();
    const go = Promise.withResolvers<void>();
    driver.before = ({ method }) => (method === 'NodePublishVolume' ? go.promise : undefined);
    const mounting = mount();
    await until(() => driver.count('NodePublishVolume') === 1);
    const unmounting = unmount();
    await new Promise((resolve) => setImmediate(resolve));
    expect(driver.count('NodeUnpublishVolume')).toBe(0);
    go.resolve();
    await Promise.all([mounting, unmounting]);
    expect(driver.count('NodeUnpublishVolume')).toBe(1);
  });

  test("a note that a crash cut off does not hold the Pod's end", async () => {
    await node.registered();
    mkdirSync(target(), { recursive: true });
    writeFileSync(join(directory(), 'vol_data.json'), '{"driver');
    await unmount();
    expect(existsSync(directory())).toBe(false);
  });

  test('files that the driver left at the target are not deleted', async () => {
    await node.registered();
    await mount();
    writeFileSync(join(target(), 'precious'), 'x');
    expect(await failure(unmount())).toMatchObject({
      message: expect.stringContaining('the driver has left files there'),
    });
    expect(readFileSync(join(target(), 'precious'), 'utf8')).toBe('x');
  });

  test('two Pods: a driver that hangs holds one of them', async () => {
    const driver = await node.registered();
    driver.before = ({ method, request }) =>
      method === 'NodePublishVolume' && String(request.targetPath).includes('uid-1')
        ? new Promise(() => {})
        : undefined;
    void mount().catch(() => {});
    const other = { ...pod(), metadata: { ...pod().metadata, uid: 'uid-2' } };
    await manager.mount(other, volume, context, node.signal);
    expect(driver.volumes.get(inlineHandle('uid-2', 'v'))!.published.size).toBe(1);
  });
});
