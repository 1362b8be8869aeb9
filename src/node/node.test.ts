import { ApiError, apiErrorFrom } from '../api/apiError.ts';
import type { NodeEvent } from '../events/event.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { createLogger, silentLogger } from '../lib/logger.ts';
import type { Node } from '../types/k8s.ts';
import { testFacts, testSettings } from './fake/facts.ts';
import { TestApi } from './fake/nodeApi.ts';
import { keepLease } from './lease.ts';
import { initialNode } from './nodeObject.ts';
import { NodeStatusPublisher } from './nodeStatus.ts';
import { registerNode } from './registration.ts';
import type { NodeStatusFacts } from './types.ts';

const NOW = '2026-01-01T00:00:00Z';
const fresh = () => initialNode(testSettings, testFacts, NOW).node;

describe('registration', () => {
  function setUp() {
    const api = new TestApi();
    const clock = new ManualClock();
    const stop = new AbortController();
    const options = {
      api,
      clock,
      logger: silentLogger,
      random: () => 0,
      initialNode: async () => fresh(),
      signal: stop.signal,
    };
    return { api, clock, stop, options };
  }

  test('creates the Node', async () => {
    const { api, options } = setUp();
    const told: string[] = [];
    const startup = { attempt: () => told.push('attempt'), created: () => told.push('created') };
    const node = await registerNode({ ...options, startup });
    expect(node.metadata).toMatchObject({ name: 'node-1', uid: 'Node-uid' });
    expect(api.calls).toEqual(['create Node']);
    expect(told).toEqual(['attempt', 'created']);
  });

  test.each([
    ['AlreadyExists', 409],
    ['Forbidden', 403],
  ])('%s: reads and reconciles what is there', async (reason, status) => {
    const { api, options } = setUp();
    api.node = { metadata: { name: 'node-1', labels: { mine: '1' } }, status: {} };
    api.fail = (call) => {
      if (call === 'create Node') throw new ApiError(status, reason, 'no');
    };
    const node = await registerNode(options);
    expect(api.calls).toEqual(['create Node', 'get Node', 'patch Node/status']);
    expect(node.metadata?.labels).toMatchObject({ mine: '1', 'kubernetes.io/hostname': 'node-1' });
    api.calls.length = 0;
    await registerNode(options);
    expect(api.calls).toEqual(['create Node', 'get Node']);
  });

  test('retries after 100 ms doubling to 7 s, until stopped', async () => {
    const { api, clock, stop, options } = setUp();
    api.fail = () => {
      throw new Error('connection refused');
    };
    const registering = registerNode(options);
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 9; i++) {
      await clock.advanceAsync(0);
      waits.push(clock.nextIn);
      await clock.advanceAsync(clock.nextIn ?? 0);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 7000, 7000]);
    stop.abort(new Error('stopped'));
    await expect(registering).rejects.toThrow('stopped');
  });
});

describe('lease', () => {
  function setUp() {
    const api = new TestApi();
    api.node = { metadata: { name: 'node-1', uid: 'node-uid' } };
    const clock = new ManualClock();
    const stop = new AbortController();
    let repeated = 0;
    const done = keepLease({
      api,
      clock,
      logger: silentLogger,
      random: () => 0,
      nodeName: 'node-1',
      durationSeconds: 40,
      onRepeatedFailure: () => repeated++,
      signal: stop.signal,
    });
    return { api, clock, stop, done, repeated: () => repeated };
  }

  test('is created with its owner and renewed every 10 s without a read', async () => {
    const { api, clock, stop, done } = setUp();
    await clock.advanceAsync(0);
    expect(api.lease).toMatchObject({
      metadata: {
        name: 'node-1',
        namespace: 'kube-node-lease',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'node-uid' }],
      },
      spec: { holderIdentity: 'node-1', leaseDurationSeconds: 40, renewTime: '2026-01-01T00:00:00.000000Z' },
    });
    api.calls.length = 0;
    await clock.advanceAsync(9_999);
    expect(api.calls).toEqual([]);
    await clock.advanceAsync(10_001);
    expect(api.calls).toEqual(['update Lease', 'update Lease']);
    expect(api.lease?.spec?.renewTime).toBe('2026-01-01T00:00:20.000000Z');
    stop.abort();
    await done;
  });

  test('a conflict reads again; a lost Lease is made again', async () => {
    const { api, clock, stop, done } = setUp();
    await clock.advanceAsync(0);
    api.lease = { ...api.lease, metadata: { ...api.lease!.metadata, resourceVersion: '99' } };
    api.calls.length = 0;
    await clock.advanceAsync(10_000);
    expect(api.calls).toEqual(['update Lease', 'get Lease', 'update Lease']);
    api.lease = undefined;
    api.calls.length = 0;
    await clock.advanceAsync(10_000);
    expect(api.calls).toEqual(['update Lease', 'get Lease', 'get Node', 'create Lease']);
    stop.abort();
    await done;
  });

  test('without its Node it is renewed; deleted as well, it is made again only when the Node is back', async () => {
    const { api, clock, stop, done } = setUp();
    await clock.advanceAsync(0);
    const node = api.node;
    api.node = undefined;
    await clock.advanceAsync(10_000);
    expect(api.lease?.spec?.renewTime).toBe('2026-01-01T00:00:10.000000Z');
    api.lease = undefined;
    api.calls.length = 0;
    await clock.advanceAsync(20_000);
    expect(api.calls).toEqual(['update Lease', 'get Lease', 'get Node', 'get Lease', 'get Node']);
    api.node = node;
    await clock.advanceAsync(10_000);
    expect(api.lease).toMatchObject({ metadata: { ownerReferences: [{ kind: 'Node', uid: 'node-uid' }] } });
    stop.abort();
    await done;
  });

  test('repeated failures are told, and the next success goes on', async () => {
    const { api, clock, stop, done, repeated } = setUp();
    await clock.advanceAsync(0);
    api.fail = () => {
      throw new Error('connection refused');
    };
    await clock.advanceAsync(10_000);
    expect(repeated()).toBe(4);
    api.fail = () => {};
    await clock.advanceAsync(30_000);
    expect(Date.parse(api.lease!.spec!.renewTime!)).toBeGreaterThan(Date.UTC(2026, 0, 1, 0, 0, 10));
    stop.abort();
    await done;
  });
});

describe('status', () => {
  function setUp() {
    const api = new TestApi();
    api.node = { ...fresh(), metadata: { ...fresh().metadata, uid: 'u', resourceVersion: '0' } };
    const clock = new ManualClock();
    const stop = new AbortController();
    const events: NodeEvent[] = [];
    const logged: string[] = [];
    const logger = createLogger({ write: (line) => logged.push(line) });
    const state = { facts: testFacts as NodeStatusFacts, cached: undefined as Node | undefined };
    const publisher = new NodeStatusPublisher({
      api,
      clock,
      logger,
      random: () => 0.5,
      settings: testSettings,
      readFacts: async () => state.facts,
      cachedNode: () => state.cached,
      recordEvent: (event) => events.push(event),
      registers: true,
      updateMs: 10_000,
      reportMs: 300_000,
      signal: stop.signal,
    });
    const patches = () => api.patches.length;
    return { api, clock, stop, events, state, publisher, patches, logged };
  }

  test('reports once at the start, then only changes or once in a report period', async () => {
    const { clock, stop, publisher, patches } = setUp();
    const done = publisher.run();
    await clock.advanceAsync(0);
    expect(patches()).toBe(1);
    await clock.advanceAsync(280_000);
    expect(patches()).toBe(1);
    await clock.advanceAsync(30_000);
    expect(patches()).toBe(2);
    stop.abort();
    await done;
  });

  test('a trigger reports at once, and NotReady says why', async () => {
    const { api, clock, stop, state, events, publisher, patches } = setUp();
    const done = publisher.run();
    await clock.advanceAsync(0);
    state.facts = { ...testFacts, runtime: { ...testFacts.runtime, errors: ['container runtime is down: timeout'] } };
    publisher.trigger();
    await clock.advanceAsync(0);
    expect(patches()).toBe(2);
    expect(api.node?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      message: 'container runtime is down: timeout',
    });
    expect(events.map(({ reason }) => reason)).toEqual(['NodeNotReady']);
    stop.abort();
    await done;
  });

  test('an update that is tried again reads the Node and tells Events once', async () => {
    const { api, state, events, publisher } = setUp();
    await publisher.update();
    state.facts = { ...testFacts, pressure: { memory: true, disk: false, pid: false } };
    let failures = 2;
    api.fail = (call) => {
      if (call.startsWith('patch') && failures-- > 0) throw new Error('timeout');
    };
    api.calls.length = 0;
    await publisher.update();
    expect(api.calls).toEqual(['patch Node/status', 'get Node', 'patch Node/status', 'get Node', 'patch Node/status']);
    expect(events.map(({ reason }) => reason)).toEqual(['NodeHasInsufficientMemory']);
  });

  test('gives up after five attempts', async () => {
    const { api, publisher } = setUp();
    api.fail = () => {
      throw new Error('connection refused');
    };
    await expect(publisher.update()).rejects.toThrow('connection refused');
    expect(api.calls).toHaveLength(5);
  });

  test('a deleted Node stays deleted: told once, looked for at each update, updated when somebody has created it', async () => {
    const { api, clock, stop, publisher, patches, logged } = setUp();
    const done = publisher.run();
    await clock.advanceAsync(0);
    api.node = undefined;
    api.calls.length = 0;
    publisher.nodeDeleted();
    await clock.advanceAsync(25_000);
    expect(new Set(api.calls)).toEqual(new Set(['get Node']));
    expect(api.calls.length).toBeGreaterThanOrEqual(3);
    expect(logged.filter((line) => line.includes('restart the agent to register it again'))).toHaveLength(1);
    expect([logged.length, patches(), api.node]).toEqual([1, 1, undefined]);
    api.node = { metadata: { name: 'node-1', uid: 'second', resourceVersion: '9' } };
    await clock.advanceAsync(10_500);
    expect(patches()).toBe(2);
    expect(api.node).toMatchObject({ metadata: { uid: 'second' }, status: { conditions: expect.anything() } });
    expect(logged.at(-1)).toContain('The Node object is there again');
    api.node = undefined;
    publisher.nodeDeleted();
    await clock.advanceAsync(0);
    expect(logged.filter((line) => line.includes('restart the agent'))).toHaveLength(2);
    stop.abort();
    await done;
  });

  test('a Node that the watch shows again is updated at once', async () => {
    const { api, clock, stop, publisher, patches } = setUp();
    const node = api.node;
    api.node = undefined;
    const done = publisher.run();
    await clock.advanceAsync(0);
    api.node = node;
    publisher.nodeSeen();
    await clock.advanceAsync(0);
    expect(patches()).toBe(1);
    publisher.nodeSeen();
    api.calls.length = 0;
    await clock.advanceAsync(0);
    expect(api.calls).toEqual([]);
    stop.abort();
    await done;
  });

  test('a 404 that does not name the Node is a failed update, not a deleted Node', async () => {
    const { api, publisher, logged } = setUp();
    api.fail = () => {
      throw apiErrorFrom(404, 'default backend - 404', undefined, 'GET node');
    };
    await expect(publisher.update()).rejects.toThrow('default backend');
    expect([api.calls.length, logged]).toEqual([5, []]);
  });

  test('starts from the newest Node it knows', async () => {
    const { api, state, publisher, patches } = setUp();
    await publisher.update();
    const lagging = { ...api.node!, metadata: { ...api.node!.metadata, resourceVersion: '0' }, status: {} };
    state.cached = lagging;
    await publisher.update();
    expect(patches()).toBe(1);
    state.cached = { ...lagging, metadata: { ...lagging.metadata, resourceVersion: '1000' } };
    await publisher.update();
    expect(patches()).toBe(2);
  });

  test('tells when the node is cordoned', async () => {
    const { api, events, publisher } = setUp();
    api.node = { ...api.node, spec: { unschedulable: true } };
    await publisher.update();
    await publisher.update();
    expect(events).toEqual([
      { type: 'Normal', reason: 'NodeNotSchedulable', message: 'Node node-1 status is now: NodeNotSchedulable' },
    ]);
  });
});
