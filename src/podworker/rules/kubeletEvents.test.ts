import { decide } from './decide.ts';
import { active, box, factsOf, later, node, now, podOf, runtime, spec } from './testing.ts';

const reasons = (d: ReturnType<typeof decide>) => d.events.map((e) => `${e.reason}: ${e.message}`);

test('a runtime that cannot say how the Pod is: FailedSync once, and again after a read that came through', () => {
  const facts = factsOf(podOf(spec('Always', 'c')), { runtime: runtime([]), runtimeReadProblem: 'deadline exceeded' });
  const first = decide(facts, active, now);
  expect(reasons(first)).toContain('FailedSync: error determining status: deadline exceeded');
  const second = decide(facts, first.memory, later(1));
  expect(reasons(second).join()).not.toContain('FailedSync');
  const next = { ...facts, runtime: { ...facts.runtime!, seq: facts.runtime!.seq + 1 } };
  expect(reasons(decide(next, second.memory, later(2))).join()).toContain('FailedSync');
});

test.each([
  ['evicted', 0, 10],
  ['preempted', 30, 45],
  ['shutdown', 4, 10],
] as const)('%s with %i s of grace: after %i s ExceededGracePeriod, once', (cause, graceSeconds, seconds) => {
  const facts = factsOf(podOf(spec('Always', 'c')), {
    runtime: runtime([box('c', 'running')]),
    terminate: [{ cause, graceSeconds }],
  });
  // What ends it must be noted before anything is stopped.
  let d = decide(facts, active, now);
  const least = Math.max(1, graceSeconds);
  const due = Math.max(10, least + Math.floor(least / 2));
  expect(due).toBe(seconds);
  const save = d.start.find((a) => a.kind === 'saveCheckpoint');
  const slots = {
    ...facts.slots,
    ...(save && { [save.slot]: { failures: 0, last: { action: save, startedAt: 0, endedAt: 0, opensAt: 0 } } }),
  };
  const noted = { ...facts, slots };
  d = decide(noted, d.memory, later(seconds - 1));
  expect(reasons(d).join()).not.toContain('ExceededGracePeriod');
  expect(d.wakeAt).toBeLessThanOrEqual(later(seconds).mono);
  d = decide(noted, d.memory, later(seconds));
  expect(reasons(d)).toContain(
    'ExceededGracePeriod: Container runtime did not kill the pod within specified grace period.',
  );
  expect(reasons(decide(noted, d.memory, later(seconds + 60))).join()).not.toContain('ExceededGracePeriod');
});

test('a Pod that its user deletes is not said to take too long', () => {
  const facts = factsOf(podOf(spec('Always', 'c')), {
    runtime: runtime([box('c', 'running')]),
    terminate: [{ cause: 'deleted', graceSeconds: 1 }],
  });
  const first = decide(facts, active, now);
  expect(reasons(decide(facts, first.memory, later(600))).join()).not.toContain('ExceededGracePeriod');
});

test('an address of the node of another family than it has now: HostIPsIPFamilyMismatch, in kubelet’s words', () => {
  const pod = { ...podOf(spec('Always', 'c')), status: { hostIP: 'fd00::1' } };
  const d = decide(factsOf(pod, { node: { ...node, hostIPs: ['10.0.0.1'] } }), active, now);
  expect(reasons(d)).toContain(
    'HostIPsIPFamilyMismatch: Kubelet detected an IPv6 node IP (fd00::1), but the cloud provider selected an IPv4 node IP (10.0.0.1); pass an explicit `--node-ip` to kubelet to fix this.',
  );
  const same = factsOf(pod, { node: { ...node, hostIPs: ['fd00::2'] } });
  expect(reasons(decide(same, active, now)).join()).not.toContain('HostIPsIPFamilyMismatch');
});
