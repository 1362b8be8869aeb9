import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, until } from '../../lib/fake/until.ts';
import { podOf, volumeOf } from '../persistent/fake/attachedKind.ts';
import { FlexNode, flexSpec } from './fake/driver.ts';

const NOT_SUPPORTED = JSON.stringify({ status: 'Not supported' });
const a = podOf('a');

const pathOf = (flex: FlexNode, uid: string, name = 'v') =>
  join(flex.node.root, 'pods', uid, 'volumes/k8s~dummy', name);
const deviceOf = (flex: FlexNode, name = 'v') =>
  join(flex.node.root, 'plugins/kubernetes.io/flexvolume/k8s/dummy/mounts', name);

describe('a driver that does not attach', () => {
  test('mounts once for each Pod, is told of Pod and volume, and takes it back', async () => {
    using flex = new FlexNode();
    flex.install();
    const spec = flexSpec('v', { fsType: 'xfs', options: { size: '<1>' } }, { readOnly: true });
    const pod = podOf('a', { serviceAccountName: 'sa', securityContext: { fsGroup: 7 } });
    const given = { path: pathOf(flex, 'a'), seLinuxRelabel: false };
    expect(await flex.have('a', spec, pod)).toEqual(given);
    expect(await flex.have('a', spec, pod)).toEqual(given);
    expect(flex.commands).toEqual([`mount ${given.path}`]);
    expect(flex.calls[0]![2]).toBe(
      '{"kubernetes.io/fsType":"xfs","kubernetes.io/mounterArgs.FsGroup":"7","kubernetes.io/pod.name":"pod-a","kubernetes.io/pod.namespace":"shop","kubernetes.io/pod.uid":"a","kubernetes.io/pvOrVolumeName":"v","kubernetes.io/readwrite":"ro","kubernetes.io/serviceAccount.name":"sa","size":"\\u003c1\\u003e"}',
    );
    expect(flex.node.volumes.inUse() ?? []).toEqual([]);
    await flex.node.leave(pod);
    expect(flex.commands.at(-1)).toBe(`unmount ${given.path}`);
    expect(existsSync(given.path)).toBe(false);
  });

  test('a subPath of another volume is bound without a question to any server', async () => {
    using flex = new FlexNode();
    flex.install();
    await flex.have('a', flexSpec('v'));
    await flex.node.volumes.askServer(join(flex.node.root, 'pods/a/volumes/kubernetes.io~empty-dir/other'));
  });

  test.each([
    [
      JSON.stringify({ status: 'Failure', message: 'no disk' }),
      'mount command failed, status: Failure, reason: no disk',
    ],
    ['', 'unexpected end of JSON input'],
    ['secret noise', 'the driver did not answer mount with one JSON object, but with 12 bytes of something else'],
  ])('what it says instead of Success is told: %s', async (says, message) => {
    using flex = new FlexNode();
    flex.install();
    flex.says.set('mount', says);
    await expect(flex.have('a', flexSpec('v'))).rejects.toThrow(`MountVolume.SetUp failed for volume "v" : ${message}`);
    expect(existsSync(pathOf(flex, 'a'))).toBe(false);
    await flex.node.leave(a);
    expect(flex.commands).toEqual([`mount ${pathOf(flex, 'a')}`]);
  });

  test('files are never removed with a volume: what is still mounted, or lies there, is an error', async () => {
    using flex = new FlexNode();
    flex.install();
    await flex.have('a', flexSpec('v'));
    flex.says.set('unmount', JSON.stringify({ status: 'Success' }));
    writeFileSync(join(pathOf(flex, 'a'), 'file'), 'data');
    await expect(flex.node.leave(a)).rejects.toThrow(/UnmountVolume.TearDown failed for volume "v" : ENOTEMPTY/);
    expect(existsSync(join(pathOf(flex, 'a'), 'file'))).toBe(true);
  });

  test('after a restart its volume is found, and given back by the driver', async () => {
    using flex = new FlexNode();
    flex.install();
    await flex.have('a', flexSpec('v'));
    flex.restart();
    await flex.node.volumes.rebuild();
    expect(flex.node.volumes.holders()).toEqual(['a']);
    expect(flex.node.volumes.plugins).toContain('k8s/dummy');
    await flex.node.leave(a);
    expect(flex.commands.at(-1)).toBe(`unmount ${pathOf(flex, 'a')}`);
    expect(existsSync(pathOf(flex, 'a'))).toBe(false);
  });

  test('a driver that is gone holds back only what is mounted, and says so', async () => {
    using flex = new FlexNode();
    flex.install();
    await flex.have('a', flexSpec('v'));
    flex.uninstall();
    const { message } = (await failure(flex.node.leave(a))) as Error;
    expect(message).toBe(
      `UnmountVolume.TearDown failed for volume "v" : no volume plugin matched: there is no FlexVolume driver k8s/dummy (${flex.directory}/k8s~dummy/dummy)`,
    );
    flex.install();
    const leaving = flex.node.leave(a);
    await flex.node.clock.advanceAsync(1_000);
    await leaving;
    expect(existsSync(pathOf(flex, 'a'))).toBe(false);
  });
});

describe('a driver that attaches', () => {
  const setUp = () => {
    const flex = new FlexNode();
    flex.attach = true;
    flex.install();
    flex.says.set('mount', NOT_SUPPORTED);
    flex.says.set('unmount', NOT_SUPPORTED);
    flex.says.set('getvolumename', NOT_SUPPORTED);
    return flex;
  };
  const attach = (flex: FlexNode, devicePath = '') => {
    const names = ['k8s/dummy/v'];
    flex.node.volumes.nodeSeen({
      status: { volumesInUse: names, volumesAttached: names.map((name) => ({ name, devicePath })) },
    });
  };

  test('mounts the device once for the node in Go’s place, and binds it into each Pod', async () => {
    using flex = setUp();
    const having = [flex.have('a', flexSpec('v')), flex.have('b', flexSpec('v'), podOf('b'))];
    await until(() => flex.node.volumes.inUse()?.[0] === 'k8s/dummy/v');
    attach(flex, 'foo');
    await Promise.all(having);
    expect(flex.commands.filter((call) => !call.startsWith('mount '))).toEqual([
      'waitforattach foo',
      'getvolumename',
      `mountdevice ${deviceOf(flex)} /dev/flex`,
    ]);
    expect(flex.node.mounter.calls.filter((call) => call.startsWith('mount bind')).sort()).toEqual([
      `mount bind ${pathOf(flex, 'a')}`,
      `mount bind ${pathOf(flex, 'b')}`,
    ]);
    flex.restart();
    await flex.node.volumes.rebuild();
    expect(flex.node.volumes.inUse()).toEqual(['k8s/dummy/v']);
    flex.node.volumes.sourcesSynced();
    await flex.node.leave(a);
    expect(flex.commands).not.toContain(`unmountdevice ${deviceOf(flex)}`);
    await flex.node.leave(podOf('b'));
    await until(() => flex.node.volumes.size === 0);
    expect(flex.commands.at(-1)).toBe(`unmountdevice ${deviceOf(flex)}`);
    expect([existsSync(deviceOf(flex)), existsSync(pathOf(flex, 'b'))]).toEqual([false, false]);
  });

  test('a device that did not come has kubelet’s words, and nothing is left', async () => {
    using flex = setUp();
    flex.says.set('waitforattach', JSON.stringify({ status: 'Failure', message: 'late' }));
    const having = failure(flex.have('a', flexSpec('v')));
    await until(() => flex.node.volumes.inUse()?.length === 1);
    attach(flex);
    expect(((await having) as Error).message).toBe(
      'MountVolume.WaitForAttach failed for volume "v" : waitforattach command failed, status: Failure, reason: late',
    );
    expect(existsSync(deviceOf(flex))).toBe(false);
  });

  test('standalone it is refused in one sentence', async () => {
    using flex = setUp();
    flex.restart(false);
    await expect(flex.have('a', flexSpec('v'))).rejects.toThrow(
      'FlexVolume driver k8s/dummy attaches its volumes, which needs an API server; this node runs without one (no --kubeconfig)',
    );
  });
});

test('expandfs grows a volume of a claim, and without it the file system is grown by its own program', async () => {
  using flex = new FlexNode();
  flex.install();
  const grown: object[] = [];
  const claim = {
    metadata: { name: 'c', namespace: 'shop', resourceVersion: '1' },
    spec: { resources: { requests: { storage: '2Gi' } } },
    status: { capacity: { storage: '1Gi' } },
  };
  Object.assign(flex.node.host, {
    expansion: {
      ...{ nodeName: 'n1', clock: flex.node.clock, failedExpansions: new Set(), claimEvent: () => {} },
      claims: { get: async () => claim, patch: async (...patched: unknown[]) => void grown.push(patched[3] as object) },
    },
  });
  const source = { capacity: { storage: '2Gi' }, claimRef: { namespace: 'shop', name: 'c' } };
  const spec = volumeOf('pv', { ...source, flexVolume: { driver: 'k8s/dummy' } });
  await flex.have('a', spec, a, { size: '2Gi' });
  expect(flex.commands.at(-1)).toBe(`expandfs  ${pathOf(flex, 'a', 'pv')} 2147483648 1073741824`);
  expect(grown).toEqual([
    expect.objectContaining({ status: expect.objectContaining({ capacity: { storage: '2Gi' } }) }),
  ]);
  flex.says.set('expandfs', NOT_SUPPORTED);
  flex.node.answer = (
    (before) => (request) =>
      request.program === 'blkid' ? { output: 'TYPE=ext4\n' } : before(request)
  )(flex.node.answer);
  await flex.have('b', spec, podOf('b'), { size: '2Gi' });
  expect(flex.node.programs.filter((program) => program.startsWith('resize2fs'))).toHaveLength(1);
});

test('the Secret of a volume goes to the driver as the API has it, and only one of the driver’s type', async () => {
  using flex = new FlexNode();
  flex.install();
  const secret = { type: 'k8s/dummy', data: { key: 'dmFsdWU=' } };
  const objects = { get: () => ({ state: 'present', object: secret }) };
  const spec = flexSpec('v', { secretRef: { name: 's' } });
  expect(flex.kind.references?.(spec, a, objects as never)).toEqual([
    { kind: 'FlexVolumeDriver', namespace: '', name: 'k8s/dummy', optional: true },
    { kind: 'Secret', namespace: 'shop', name: 's', optional: false },
  ]);
  await flex.kind.prepare?.(spec);
  const have = () => {
    const context = { objects: objects as never, token: undefined as never, nodeAllocatable: {} };
    const order = { pod: a, spec, context, signal: new AbortController().signal, event: () => {}, progress: () => {} };
    const identity = { ...flex.kind.identify(spec, a, objects as never), name: 'v', mode: 'Filesystem' as const };
    return flex.node.volumes.have(identity, flex.kind, order);
  };
  secret.type = 'Opaque';
  await expect(have()).rejects.toThrow(/couldn't get secret shop\/s err: cannot get secret of type k8s\/dummy$/);
  secret.type = 'k8s/dummy';
  await have();
  expect(JSON.parse(flex.calls[0]![2]!)).toMatchObject({ 'kubernetes.io/secret/key': 'dmFsdWU=' });
});

test('a directory of kubelet’s own plug-ins is no driver’s', async () => {
  using flex = new FlexNode();
  for (const directory of ['kubernetes.io~secret', 'kubernetes.io~aws-ebs', 'kubernetes.io~newer', '..~x'])
    mkdirSync(join(flex.node.root, 'pods/a/volumes', directory, 'v'), { recursive: true });
  expect(await flex.kind.reconstruct(flex.node.host)).toEqual([]);
  flex.install('kubernetes.io/newer');
  expect((await flex.kind.reconstruct(flex.node.host)).map(({ uniqueName }) => uniqueName)).toEqual([
    'kubernetes.io/newer/a-v',
  ]);
});
