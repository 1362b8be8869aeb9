// What the status says differently from the Go kubelet on purpose (docs/differences.md).
import { derivePodStatus } from './derivePodStatus.ts';
import { inputOf, observed, oc, podOf } from './testing.ts';

const mounted = { containers: [{ name: 'a', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] };

test('volumeMounts are there from the first status on', () => {
  const status = derivePodStatus(inputOf(podOf(mounted), { runtime: observed([], []) }));
  expect(status.containerStatuses?.[0]?.volumeMounts).toEqual([{ name: 'v', mountPath: '/v' }]);
});

test('a Pod that somebody ended is Failed, even when its containers ended with 0', () => {
  const never = { ...mounted, restartPolicy: 'Never' as const };
  const ended = { reason: 'Evicted', message: 'low on memory' };
  const runtime = observed([oc('a', 'exited', { exitCode: 0 })]);
  const pod = podOf(never, { status: { phase: 'Running' } });
  const input = inputOf(pod, { runtime, terminating: true, finished: true });
  expect(derivePodStatus(input).phase).toBe('Succeeded');
  expect(derivePodStatus({ ...input, ended })).toMatchObject({ phase: 'Failed', ...ended });
});
