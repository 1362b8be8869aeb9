import type { Pod } from '../../../types/k8s.ts';
import { graceIn, groupOf, neededMs, shutdownGroups } from './groups.ts';
import { logindOverride, shutdownEvent, shutdownRequest, stateTime } from './words.ts';

const none = { shutdownGracePeriod: 0, shutdownGracePeriodCriticalPods: 0, shutdownGracePeriodByPodPriority: [] };
const pod = (priority?: number, terminationGracePeriodSeconds?: number) =>
  ({ spec: { containers: [], priority, terminationGracePeriodSeconds } }) as unknown as Pod;

describe('groups', () => {
  test('none without a setting', () => expect(shutdownGroups(none, true)).toEqual([]));

  test('of the older form: all others, then critical Pods', () => {
    const groups = shutdownGroups(
      { ...none, shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000 },
      true,
    );
    expect(groups).toEqual([
      { priority: 0, seconds: 20 },
      { priority: 2_000_000_000, seconds: 10 },
    ]);
    expect(neededMs(groups)).toBe(30_000);
  });

  const shutdownGracePeriodByPodPriority = [
    { priority: 1000, shutdownGracePeriodSeconds: 20 },
    { priority: 0, shutdownGracePeriodSeconds: 60 },
    { priority: 100_000, shutdownGracePeriodSeconds: 10 },
  ];

  test('by priority, lowest first; not while the gate is off', () => {
    const groups = shutdownGroups({ ...none, shutdownGracePeriodByPodPriority }, true);
    expect(groups.map(({ priority, seconds }) => [priority, seconds])).toEqual([
      [0, 60],
      [1000, 20],
      [100_000, 10],
    ]);
    expect(shutdownGroups({ ...none, shutdownGracePeriodByPodPriority }, false)).toEqual([]);
  });

  test.each([
    [-5, 0],
    [undefined, 0],
    [0, 0],
    [999, 0],
    [1000, 1],
    [1001, 1],
    [99_999, 1],
    [100_000, 2],
    [2_000_001_000, 2],
  ])('a Pod of priority %p is in group %d', (priority, group) => {
    const groups = shutdownGroups({ ...none, shutdownGracePeriodByPodPriority }, true);
    expect(groupOf(groups, pod(priority))).toBe(group);
  });

  test("a Pod's grace is its own, and no longer than its group's", () => {
    const group = { priority: 0, seconds: 20 };
    expect([pod(0, 5), pod(0, 20), pod(0, 600), pod(0, 0), pod(0)].map((p) => graceIn(group, p))).toEqual([
      5, 20, 20, 0, 20,
    ]);
  });
});

test("words are kubelet's", () => {
  const message = 'Pod was terminated in response to imminent node shutdown.';
  expect(shutdownRequest(7)).toEqual({
    cause: 'shutdown',
    graceSeconds: 7,
    reason: 'Terminated',
    message,
    condition: { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message },
  });
  expect(shutdownEvent(true).message).toBe('Shutdown manager detected shutdown event');
  expect(shutdownEvent(false).message).toBe('Shutdown manager detected shutdown cancellation');
  expect(logindOverride(30_000).split('\n').slice(1)).toEqual(['[Login]', 'InhibitDelayMaxSec=30', '']);
  expect(stateTime(undefined)).toBe('0001-01-01T00:00:00Z');
  expect(stateTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6))).toBe('2026-01-02T03:04:05.006Z');
});
