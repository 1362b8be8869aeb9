import { decide } from './decide.ts';
import type { PodFacts } from './facts.ts';
import { active, factsOf, images, later, now, podOf, prepared, runtime, spec } from './testing.ts';

const volumes = [{ name: 'v', configMap: { name: 'c' } }];
const container = { name: 'a', image: 'img', volumeMounts: [{ name: 'v', mountPath: '/v' }] };
const withVolume = podOf({ ...spec('Always', 'a'), volumes, containers: [container] });

function told(facts: PodFacts, seconds: number) {
  const first = decide(facts, active, now);
  const d = decide(facts, first.memory, later(seconds));
  return {
    wakeAt: first.wakeAt,
    events: [...first.events, ...d.events].map((e) => `${e.reason}: ${e.message}`),
    waiting: d.status?.containerStatuses?.[0]?.state?.waiting,
    again: decide(facts, d.memory, later(seconds + 1)).events,
  };
}

test('a ConfigMap of a volume that stays unread for a second is told in kubelet’s words, once', () => {
  const facts = factsOf(withVolume, { volumeObjects: { v: ['ConfigMap ns/c'] }, runtime: runtime([]) });
  const { wakeAt, events, again } = told(facts, 1);
  expect(wakeAt).toBe(now.mono - 10 + 1_000);
  expect(events).toContain(
    'FailedMount: MountVolume.SetUp failed for volume "v" : failed to sync configmap cache: timed out waiting for the condition',
  );
  expect(told(facts, 0.5).events).toEqual([]);
  expect(again).toEqual([]);
});

test('a Secret of a variable that cannot be read: the container waits with CreateContainerConfigError and says why', () => {
  const objects = { 'Secret ns/s': { state: 'unknown', reason: 'secrets "s" is forbidden' } } as const;
  const facts = factsOf(podOf(spec('Always', 'a')), {
    envObjects: { a: ['Secret ns/s'] },
    ...{ objects, runtime: runtime([]), slots: { ...prepared, ...images(0, 'a') } },
  });
  const message = 'failed to sync secret cache: secrets "s" is forbidden';
  const { events, waiting } = told(facts, 2);
  expect(events).toContain(`Failed: Error: ${message}`);
  expect(waiting).toEqual({ reason: 'CreateContainerConfigError', message });
});

test('claims and volumes on the way to a mount have words of their own', () => {
  const facts = factsOf(withVolume, { volumeObjects: { v: ['PersistentVolumeClaim ns/c'] }, runtime: runtime([]) });
  expect(told(facts, 60).events).toEqual([]);
});
