import { csiAccessMode, volumeCapability } from './accessMode.ts';
import { isOwned, MIGRATED_ANNOTATION, newCsiNode, withDriver, withMigration, withoutDriver } from './csiNode.ts';
import { fsGroupPolicy, nodeChangesGroup } from './fsGroup.ts';
import { markDriver, NODE_ID_ANNOTATION, unmarkDriver } from './nodeMark.ts';
import { modeProblem } from './podInfo.ts';
import { compareVersions, highestSupportedVersion } from './version.ts';

describe('versions of a driver', () => {
  test.each([
    [['1.0.0'], [1, 0, 0]],
    [
      ['1.2', '1.10', '1.9.5'],
      [1, 10],
    ],
    [
      ['0.3.0', 'v1.1.0-rc1', '2.0.0'],
      [1, 1, 0],
    ],
    [
      ['x', '1.0'],
      [1, 0],
    ],
  ])('of %j the highest 1.x is taken', (versions, highest) => {
    expect(highestSupportedVersion(versions)).toEqual(highest);
  });
  test.each([
    [['0.3.0'], 'highest supported version reported is 0.3.0, must be v1.x'],
    [['2.0.0', '3.1'], 'could not find a highest supported version from versions ([2.0.0 3.1]) reported: <nil>'],
    [['1'], 'could not find a highest supported version from versions ([1]) reported: illegal version string "1"'],
    [
      ['01.2'],
      'could not find a highest supported version from versions ([01.2]) reported: illegal zero-prefixed version component "01" in "01.2"',
    ],
    [['a'], 'could not find a highest supported version from versions ([a]) reported: could not parse "a" as version'],
  ])('%j is refused', (versions, why) => expect(highestSupportedVersion(versions)).toBe(why));
  test('missing numbers are 0', () => {
    expect(compareVersions([1, 0], [1, 0, 0])).toBe(0);
    expect(compareVersions([1, 2], [1, 10])).toBeLessThan(0);
  });
});

describe('what a driver is told of access', () => {
  test.each([
    ['ReadWriteOnce', 'SINGLE_NODE_WRITER', 'SINGLE_NODE_MULTI_WRITER'],
    ['ReadWriteOncePod', 'SINGLE_NODE_WRITER', 'SINGLE_NODE_SINGLE_WRITER'],
    ['ReadOnlyMany', 'MULTI_NODE_READER_ONLY', 'MULTI_NODE_READER_ONLY'],
    ['ReadWriteMany', 'MULTI_NODE_MULTI_WRITER', 'MULTI_NODE_MULTI_WRITER'],
    ['toString', 'UNKNOWN', 'UNKNOWN'],
  ])('%s is %s, or %s for one that tells Pods apart', (mode, plain, multi) => {
    expect(csiAccessMode(mode, false)).toBe(plain);
    expect(csiAccessMode(mode, true)).toBe(multi);
  });
  test('a device has no file system, a group is a number as text', () => {
    const common = { accessMode: 'ReadWriteOnce', singleNodeMultiWriter: false, fsType: 'xfs', mountOptions: ['ro'] };
    expect(volumeCapability({ ...common, block: true })).toEqual({
      accessMode: { mode: 'SINGLE_NODE_WRITER' },
      block: {},
    });
    expect(volumeCapability({ ...common, block: false, group: 7 }).mount).toEqual({
      fsType: 'xfs',
      mountFlags: ['ro'],
      volumeMountGroup: '7',
    });
  });
});

describe('who gives files to the group', () => {
  const base = {
    fsGroup: 5,
    readOnly: false,
    fsType: 'ext4',
    accessModes: ['ReadWriteOnce'],
    policy: 'ReadWriteOnceWithFSType',
  };
  test.each([
    [{}, true],
    [{ fsGroup: undefined }, false],
    [{ readOnly: true }, false],
    [{ fsType: '' }, false],
    [{ accessModes: ['ReadWriteMany'] }, false],
    [{ accessModes: ['ReadWriteMany', 'ReadWriteOncePod'] }, true],
    [{ accessModes: undefined }, true],
    [{ policy: 'None' }, false],
    [{ policy: 'File', fsType: '', accessModes: ['ReadWriteMany'] }, true],
    [{ policy: 'File', readOnly: true }, false],
  ])('%j: %s', (change, here) => expect(nodeChangesGroup({ ...base, ...change })).toBe(here));
  test('without a CSIDriver object the default holds; one without a policy is broken', () => {
    expect(fsGroupPolicy(undefined)).toBe('ReadWriteOnceWithFSType');
    expect(fsGroupPolicy({ spec: {} })).toBeUndefined();
  });
});

test('inline volumes need a CSIDriver that lists them', () => {
  expect(modeProblem('d', undefined, 'Persistent')).toBeUndefined();
  expect(modeProblem('d', undefined, 'Ephemeral')).toBe(
    'volume mode "Ephemeral" not supported by driver d (no CSIDriver object)',
  );
  const both = { spec: { volumeLifecycleModes: ['Persistent', 'Other'] } };
  expect(modeProblem('d', both, 'Persistent')).toBeUndefined();
  expect(modeProblem('d', both, 'Ephemeral')).toBe(
    'volume mode "Ephemeral" not supported by driver d (only supports ["Persistent" "Other"])',
  );
});

describe('CSINode', () => {
  const me = { name: 'n1', uid: 'u1' };
  const entry = { name: 'd', nodeId: 'id', maxVolumes: 3, topologyKeys: ['z', 'a'] };
  test('a new one belongs to the Node and names what is migrated', () => {
    const node = newCsiNode(me);
    expect(isOwned(node, me)).toBe(true);
    expect(isOwned(node, { name: 'n1', uid: 'u2' })).toBe(false);
    expect(node.metadata!.annotations![MIGRATED_ANNOTATION]).toBe(
      'kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,kubernetes.io/gce-pd,kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume',
    );
    expect(withMigration(node)).toBeUndefined();
  });
  test('a list without drivers is null, as API servers show it', () => {
    const none = { ...newCsiNode(me), spec: { drivers: null as never } };
    expect(withDriver(none, entry)!.spec.drivers).toHaveLength(1);
    expect(withoutDriver(none, 'd')).toBeUndefined();
  });
  test('a driver is written once, replaced when it says something else, and taken out', () => {
    const one = withDriver(newCsiNode(me), entry)!;
    expect(one.spec.drivers).toEqual([
      { name: 'd', nodeID: 'id', topologyKeys: ['a', 'z'], allocatable: { count: 3 } },
    ]);
    expect(withDriver(one, entry)).toBeUndefined();
    const other = withDriver(one, { ...entry, name: 'e', maxVolumes: 0 })!;
    expect(other.spec.drivers[1]).toEqual({ name: 'e', nodeID: 'id', topologyKeys: ['a', 'z'] });
    const changed = withDriver(other, { ...entry, maxVolumes: 2 ** 40 })!;
    expect(changed.spec.drivers.map((d) => [d.name, d.allocatable?.count])).toEqual([
      ['e', undefined],
      ['d', 2 ** 31 - 1],
    ]);
    expect(withoutDriver(changed, 'e')!.spec.drivers.map((d) => d.name)).toEqual(['d']);
    expect(withoutDriver(changed, 'x')).toBeUndefined();
  });
});

describe('marks on the Node', () => {
  const node = { metadata: { name: 'n', annotations: { [NODE_ID_ANNOTATION]: '{"b":"2"}' }, labels: { zone: 'z1' } } };
  test('ids are merged in order, labels added', () => {
    expect(markDriver(node, 'a', '1', { zone: 'z1', rack: 'r' })).toEqual({
      annotations: { [NODE_ID_ANNOTATION]: '{"a":"1","b":"2"}' },
      labels: { rack: 'r' },
    });
    expect(markDriver(node, 'b', '2', { zone: 'z1' })).toBeUndefined();
  });
  test('another value of a label is a collision', () => {
    expect(() => markDriver(node, 'a', '1', { zone: 'z2' })).toThrow(
      'detected topology value collision: driver reported "zone":"z2" but existing label is "zone":"z1"',
    );
  });
  test('the last id takes the annotation along; what is not there is no change', () => {
    expect(unmarkDriver(node, 'b')).toEqual({ annotations: { [NODE_ID_ANNOTATION]: null } });
    expect(unmarkDriver(node, 'a')).toBeUndefined();
  });
});
