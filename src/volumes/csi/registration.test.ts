import { failure } from '../../lib/fake/until.ts';
import { CsiTestNode, DRIVER, NODE } from './fake/node.ts';
import { MIGRATED_ANNOTATION } from './rules/csiNode.ts';
import { NODE_ID_ANNOTATION } from './rules/nodeMark.ts';

let node: CsiTestNode;
beforeEach(async () => {
  node = await CsiTestNode.start();
});
afterEach(() => node[Symbol.asyncDispose]());

const csiNode = () => node.api.objects.get('CSINode', undefined, NODE);
const theNode = () => node.api.objects.get('Node', undefined, NODE)!;

describe('the CSINode', () => {
  test('the Node may be ready when it is there, and it belongs to the Node', async () => {
    expect(node.nodeInfo.problem()).toBe('CSINode is not yet initialized');
    await node.nodeInfo.initialize(node.signal);
    expect(node.nodeInfo.problem()).toBeUndefined();
    expect(csiNode()).toMatchObject({
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: NODE, uid: 'node-uid' }] },
      spec: { drivers: [] },
    });
  });

  test('one of an earlier Node of that name is made anew', async () => {
    const owner = { apiVersion: 'v1', kind: 'Node', name: NODE, uid: 'old' };
    const drivers = [{ name: 'x', nodeID: 'y' }];
    node.api.objects.set('CSINode', { metadata: { name: NODE, ownerReferences: [owner] }, spec: { drivers } });
    await node.nodeInfo.initialize(node.signal);
    expect(csiNode()!.spec.drivers).toEqual([]);
    expect(csiNode()!.metadata!.ownerReferences![0]!.uid).toBe('node-uid');
  });

  test('what another kubelet left keeps its drivers and gets the annotation', async () => {
    const owner = { apiVersion: 'v1', kind: 'Node', name: NODE, uid: 'node-uid' };
    const drivers = [{ name: 'x', nodeID: 'y' }];
    node.api.objects.set('CSINode', { metadata: { name: NODE, ownerReferences: [owner] }, spec: { drivers } });
    await node.nodeInfo.initialize(node.signal);
    expect(csiNode()).toMatchObject({
      metadata: { annotations: { [MIGRATED_ANNOTATION]: expect.stringContaining('aws-ebs') } },
      spec: { drivers },
    });
  });

  test('while it cannot be made the reason is told, and it is tried on', async () => {
    const seen: (string | undefined)[] = [];
    node.nodeInfo.onChange(() => seen.push(node.nodeInfo.problem()));
    node.api.fail({ verb: 'create', kind: 'CSINode', times: 4, status: 403, reason: 'Forbidden', message: 'no' });
    await node.nodeInfo.initialize(node.signal);
    expect(seen).toEqual([
      'failed to initialize CSINode: error updating CSINode annotation: timed out waiting for the condition; caused by: no',
      undefined,
    ]);
  });
});

describe('registration', () => {
  test('a driver stands in CSINode and Node, with topology and limit', async () => {
    await node.registered({ nodeId: 'id-1', maxVolumes: 7, topology: { 'topology.fake/zone': 'z1' } });
    expect(csiNode()!.spec.drivers).toEqual([
      { name: DRIVER, nodeID: 'id-1', topologyKeys: ['topology.fake/zone'], allocatable: { count: 7 } },
    ]);
    expect(theNode().metadata).toMatchObject({
      annotations: { [NODE_ID_ANNOTATION]: `{"${DRIVER}":"id-1"}` },
      labels: { 'topology.fake/zone': 'z1' },
    });
    expect(node.drivers.get(DRIVER)).toBeDefined();
  });

  test('registering waits for the CSINode', async () => {
    await node.driver();
    const registering = node.registration.register(node.plugin(), node.signal);
    await node.nodeInfo.initialize(node.signal);
    await registering;
    expect(csiNode()!.spec.drivers).toHaveLength(1);
  });

  test('conflicts are tried again', async () => {
    await node.driver();
    await node.nodeInfo.initialize(node.signal);
    node.api.fail({ verb: 'update', kind: 'CSINode', times: 2, status: 409, reason: 'Conflict', message: 'modified' });
    await node.registration.register(node.plugin(), node.signal);
    expect(csiNode()!.spec.drivers).toHaveLength(1);
  });

  test('one that leaves is taken out of both, and its labels stay', async () => {
    await node.registered({ topology: { zone: 'z' } });
    await node.registration.deregister(node.plugin(), node.signal);
    expect(csiNode()!.spec.drivers).toEqual([]);
    expect(theNode().metadata!.annotations).toEqual({});
    expect(theNode().metadata!.labels).toEqual({ zone: 'z' });
    expect(node.drivers.get(DRIVER)).toBeUndefined();
  });

  test('only the socket that holds the name takes it out: in a rolling update the old one goes after the new one came', async () => {
    await node.registered();
    await node.driver();
    await node.registration.register(node.plugin(1, ['1.1.0']), node.signal);
    await node.registration.deregister(node.plugin(0), node.signal);
    expect(node.drivers.get(DRIVER)!.endpoint).toContain('driver-1.sock');
    expect(csiNode()!.spec.drivers).toHaveLength(1);
  });

  test('the same or a lower version does not take the name of a driver that is there', async () => {
    await node.registered();
    expect(() => node.registration.validate(node.plugin(1))).toThrow(
      `validation failed for CSI Driver ${DRIVER} at endpoint ${node.plugin(1).endpoint}: kubernetes.io/csi: ValidatePlugin for CSI driver "${DRIVER}" failed. Another driver with the same name is already registered with a higher supported version: "1.0.0"`,
    );
    expect(() => node.registration.validate(node.plugin(1, []))).toThrow(
      'Plugin returned an empty list for supported versions',
    );
    expect(() => node.registration.validate(node.plugin(1, ['0.3']))).toThrow(
      'None of the versions specified ["0.3"] are supported. err=highest supported version reported is 0.3, must be v1.x',
    );
  });

  test("a driver without an id for this node, or whose zone is not the Node's, is refused and nothing of it stays", async () => {
    await node.driver({ nodeId: '' });
    await node.nodeInfo.initialize(node.signal);
    expect(await failure(node.registration.register(node.plugin(), node.signal))).toMatchObject({
      message: 'error adding CSI driver node info: driverNodeID must not be empty',
    });
    node.api.objects.edit('Node', undefined, NODE, (n) => {
      n.metadata!.labels = { zone: 'a' };
    });
    await node.driver({ topology: { zone: 'b' } });
    expect(await failure(node.registration.register(node.plugin(1), node.signal))).toMatchObject({
      message:
        'error updating Node object with CSI driver node info: error updating node: timed out waiting for the condition; caused by: detected topology value collision: driver reported "zone":"b" but existing label is "zone":"a"',
    });
    expect(node.drivers.get(DRIVER)).toBeUndefined();
    expect(csiNode()!.spec.drivers).toEqual([]);
  });

  test.each([
    [1024, 'its id of this node is 1024 bytes long; at most 256 are taken'],
    [1024 * 1024, expect.stringContaining('code = ResourceExhausted')],
  ])('a driver that answers with %i bytes is refused', async (bytes, message) => {
    await node.driver({ nodeId: 'x'.repeat(bytes) });
    await node.nodeInfo.initialize(node.signal);
    expect(await failure(node.registration.register(node.plugin(), node.signal))).toMatchObject({ message });
  });

  test('a driver that never answers ends with the wait for it', async () => {
    const driver = await node.driver();
    driver.before = () => new Promise(() => {});
    await node.nodeInfo.initialize(node.signal);
    const ended = new AbortController();
    const registering = failure(node.registration.register(node.plugin(), ended.signal));
    ended.abort();
    await registering;
    expect(node.drivers.get(DRIVER)).toBeUndefined();
  });

  test('a Node that was made anew is told of its drivers again', async () => {
    await node.registered();
    node.api.objects.remove('CSINode', undefined, NODE);
    node.api.objects.remove('Node', undefined, NODE);
    const fresh = node.api.objects.set('Node', { metadata: { name: NODE, uid: 'second' } });
    await node.nodeInfo.seen(fresh, node.signal);
    expect(csiNode()).toMatchObject({
      metadata: { ownerReferences: [{ uid: 'second' }] },
      spec: { drivers: [{ name: DRIVER }] },
    });
    expect(theNode().metadata!.annotations![NODE_ID_ANNOTATION]).toContain(DRIVER);
  });
});
