import { ApiClient } from '../api/client.ts';
import { FakeApiServer } from '../api/fake/server.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { EventRecorder } from './recorder.ts';

const subject = { apiVersion: 'v1', kind: 'Pod', namespace: 'ns', name: 'web', uid: 'u1' };

async function setup(options: { queueLength?: number; holdMs?: number } = {}) {
  const fake = await FakeApiServer.start();
  const client = new ApiClient(fake.connection);
  const clock = new ManualClock();
  const recorder = new EventRecorder(client, { nodeName: 'n1', clock, qps: -1, random: () => 0.5, ...options });
  const close = async () => {
    await recorder[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  const stored = () =>
    fake.storage.list('Event', 'ns', () => true) as { message?: string; count?: number; reason?: string }[];
  return { fake, clock, recorder, stored, [Symbol.asyncDispose]: close };
}

describe('event recorder', () => {
  test('writes what kubectl describe shows', async () => {
    await using world = await setup();
    world.recorder.record(subject, 'Warning', 'BackOff', 'Back-off restarting', {
      fieldPath: 'spec.containers{c}',
      annotations: { a: 'b' },
    });
    await world.recorder.flush();
    expect(world.fake.seen('create', 'Event')[0]!.body).toMatchObject({
      metadata: { name: expect.stringMatching(/^web\.[0-9a-f]+$/), namespace: 'ns', annotations: { a: 'b' } },
      involvedObject: { ...subject, fieldPath: 'spec.containers{c}' },
      type: 'Warning',
      reason: 'BackOff',
      message: 'Back-off restarting',
      source: { component: 'kubelet', host: 'n1' },
      reportingComponent: 'kubelet',
      reportingInstance: 'n1',
      count: 1,
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:00Z',
    });
    const node = { kind: 'Node', name: 'n1', uid: 'n1' };
    world.recorder.record(node, 'Normal', 'Starting', 'Starting kubelet.');
    await world.recorder.flush();
    expect(world.fake.seen('create', 'Event')[1]!.namespace).toBe('default');
  });

  test('an equal event only raises the count and the last time; one that expired is written anew', async () => {
    await using world = await setup();
    const { recorder, clock, fake, stored } = world;
    recorder.record(subject, 'Normal', 'Pulled', 'x');
    await recorder.flush();
    clock.advance(60_000);
    recorder.record(subject, 'Normal', 'Pulled', 'x');
    await recorder.flush();
    expect(fake.seen('patch', 'Event')[0]!.body).toEqual({
      count: 2,
      lastTimestamp: '2026-01-01T00:01:00Z',
      message: 'x',
    });
    expect(stored()).toMatchObject([{ count: 2, firstTimestamp: '2026-01-01T00:00:00Z' }]);
    fake.objects.remove('Event', 'ns', fake.seen('patch', 'Event')[0]!.name!);
    recorder.record(subject, 'Normal', 'Pulled', 'x');
    await recorder.flush();
    expect(stored()).toMatchObject([{ count: 3 }]);
  });

  test('one that its source updates stays one: message, count and time change, and nothing else of the object is silenced', async () => {
    await using world = await setup();
    const { recorder, clock, fake, stored } = world;
    const told = (message: string, update = 'pull/a') =>
      recorder.record(subject, 'Normal', 'ImagePullProgress', message, { update });
    expect([told('10 %'), told('other', 'pull/b')]).toEqual([true, true]);
    await recorder.flush();
    for (let i = 11; i < 60; i++) {
      clock.advance(60_000);
      expect(told(`${i} %`)).toBe(false); // no line in the log
      await recorder.flush();
    }
    expect(stored()).toEqual([
      expect.objectContaining({
        message: '59 %',
        count: 50,
        firstTimestamp: '2026-01-01T00:00:00Z',
        lastTimestamp: '2026-01-01T00:49:00Z',
      }),
      expect.objectContaining({ message: 'other', count: 1 }),
    ]);
    expect(fake.seen('create', 'Event')).toHaveLength(2);
    recorder.record(subject, 'Normal', 'Pulled', 'x');
    await recorder.flush();
    expect(stored()).toHaveLength(3);
  });

  test('while the API server is away only the last update of an event waits', async () => {
    await using world = await setup();
    const { recorder, clock, fake, stored } = world;
    const told = (message: string) => recorder.record(subject, 'Normal', 'P', message, { update: 'pull/a' });
    told('0');
    await recorder.flush();
    await fake.wire.stop();
    recorder.record(subject, 'Normal', 'Other', 'x');
    for (let i = 1; i < 100; i++) told(String(i));
    expect(recorder.queued).toBe(2);
    await until(() => clock.nextIn === 5000);
    await fake.wire.start();
    clock.advance(5000);
    await recorder.flush();
    expect(stored().map(({ message, count }) => [message, count])).toContainEqual(['99', 100]);
    expect(fake.seen('patch', 'Event')).toHaveLength(1);
  });

  test('the tenth different message of a reason becomes a combined event', async () => {
    await using world = await setup();
    for (let i = 1; i <= 12; i++) world.recorder.record(subject, 'Warning', 'Unhealthy', `try ${i}`);
    await world.recorder.flush();
    const messages = world.stored().map(({ message, count }) => `${count} ${message}`);
    expect(messages).toHaveLength(10);
    expect(messages).toContain('1 try 9');
    expect(messages).toContain('3 (combined from similar events): try 12');
    world.clock.advance(601_000);
    world.recorder.record(subject, 'Warning', 'Unhealthy', 'try 13');
    await world.recorder.flush();
    expect(world.stored().map(({ message }) => message)).toContain('try 13');
  });

  test('a flood about one object is cut at 25, and one more every five minutes; others are not touched', async () => {
    await using world = await setup();
    for (let i = 0; i < 60; i++) world.recorder.record(subject, 'Normal', `Reason${i}`, 'm');
    world.recorder.record({ ...subject, uid: 'u2', name: 'other' }, 'Normal', 'Fine', 'm');
    await world.recorder.flush();
    expect(world.stored()).toHaveLength(26);
    world.clock.advance(300_000);
    world.recorder.record(subject, 'Normal', 'Later', 'm');
    world.recorder.record(subject, 'Normal', 'TooMuch', 'm');
    await world.recorder.flush();
    const reasons = world.stored().map(({ reason }) => reason);
    expect(reasons).toContain('Later');
    expect(reasons).not.toContain('TooMuch');
  });

  test('while the API server is away events wait in order, and a full queue drops and counts', async () => {
    await using world = await setup({ queueLength: 3 });
    const { recorder, clock, fake } = world;
    await fake.wire.stop();
    for (let i = 0; i < 5; i++) recorder.record(subject, 'Normal', `Reason${i}`, 'm');
    expect([recorder.queued, recorder.dropped]).toEqual([3, 2]);
    await until(() => clock.nextIn === 5000);
    await fake.wire.start();
    clock.advance(5000);
    await recorder.flush();
    expect(fake.seen('create', 'Event').map((r) => (r.body as { reason: string }).reason)).toEqual([
      'Reason0',
      'Reason1',
      'Reason2',
    ]);
  });

  test('an event that the server rejects is given up at once, one that it cannot hear after twelve tries', async () => {
    await using world = await setup();
    const { recorder, clock, fake } = world;
    fake.fail({ verb: 'create', kind: 'Event', times: 1, status: 403, reason: 'Forbidden' });
    recorder.record(subject, 'Normal', 'Refused', 'm');
    await recorder.flush();
    expect(recorder.dropped).toBe(0);
    await fake.wire.stop();
    recorder.record(subject, 'Normal', 'Unheard', 'm');
    for (let i = 0; i < 11; i++) {
      const wait = i === 0 ? 5000 : 10_000;
      await until(() => clock.nextIn === wait);
      clock.advance(wait);
    }
    await recorder.flush();
    expect(recorder.dropped).toBe(1);
    expect(fake.seen('create', 'Event')).toHaveLength(1);
  });

  test('Normal events are held and written together; a Warning sends them at once, in order', async () => {
    await using world = await setup({ holdMs: 500 });
    const { recorder, clock, fake } = world;
    const written = () => fake.seen('create', 'Event').map((r) => (r.body as { reason: string }).reason);
    recorder.record(subject, 'Normal', 'Pulled', 'm');
    await clock.advanceAsync(499);
    recorder.record(subject, 'Normal', 'Created', 'm');
    expect(written()).toEqual([]);
    clock.advance(1);
    await until(() => recorder.queued === 0);
    expect(written()).toEqual(['Pulled', 'Created']);
    recorder.record(subject, 'Normal', 'Started', 'm');
    recorder.record(subject, 'Warning', 'BackOff', 'm');
    await until(() => recorder.queued === 0);
    expect(written().slice(2)).toEqual(['Started', 'BackOff']);
  });

  test('what is held at the end is still written, for a second at most', async () => {
    const world = await setup({ holdMs: 500 });
    const { recorder, clock, fake } = world;
    recorder.record(subject, 'Normal', 'Killing', 'm');
    await recorder[Symbol.asyncDispose]();
    expect(fake.seen('create', 'Event')).toHaveLength(1);
    await world[Symbol.asyncDispose]();

    const away = await setup({ holdMs: 500 });
    await away.fake.wire.stop();
    away.recorder.record(subject, 'Normal', 'Killing', 'm');
    const ended = away.recorder[Symbol.asyncDispose]();
    await until(() => away.clock.nextIn !== undefined);
    away.clock.advance(1000);
    await ended;
    expect(away.recorder.queued).toBe(0);
    await away[Symbol.asyncDispose]();
    expect(clock.nextIn).toBeUndefined();
  });
});
