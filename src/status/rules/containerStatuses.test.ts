import type { ContainerStatus } from '../../types/k8s.ts';
import { containerStatuses } from './containerStatuses.ts';
import type { StatusInput } from './input.ts';
import type { Row } from './testing/containerStatuses.table.ts';
import { rows, two } from './testing/containerStatuses.table.ts';
import { inputOf, observed, oc, podOf, spec, t0 } from './testing.ts';

function line({ name, state, lastState, restartCount }: ContainerStatus): string {
  return `${name}: ${stateText(state)} | ${stateText(lastState)} | ${restartCount}`;
}

function stateText(state: ContainerStatus['state']): string {
  const parts = state?.running
    ? ['run']
    : state?.waiting
      ? ['wait', state.waiting.reason, state.waiting.message]
      : [state?.terminated?.reason, state?.terminated?.exitCode, state?.terminated?.message];
  return parts.filter((part) => part !== undefined && part !== '').join(' ') || '-';
}

function inputFor(row: Row): StatusInput {
  const podSpec = row.spec ?? two;
  const init = new Set(podSpec.initContainers?.map((c) => c.name));
  const before = row.before ?? [];
  return inputOf(podOf(podSpec, {}, row.meta), {
    runtime: row.runtime && observed(row.runtime),
    previous: {
      containerStatuses: before.filter((s) => !init.has(s.name)),
      initContainerStatuses: before.filter((s) => init.has(s.name)),
    },
    ...row.more,
  });
}

describe('containerStatuses', () => {
  test.each(rows)('$name', (row) => {
    const lists = containerStatuses(inputFor(row), row.spec ?? two, row.restarting ?? false);
    const all = [...lists.containerStatuses, ...lists.initContainerStatuses, ...lists.ephemeralContainerStatuses];
    expect(all.map(line)).toEqual(row.expected);
  });

  test('every field of a running container', () => {
    const volumeMounts = [
      { name: 'v', mountPath: '/v' },
      { name: 'r', mountPath: '/r', readOnly: true },
    ];
    const podSpec = { containers: [{ name: 'a', volumeMounts, resources: { requests: { cpu: '100m' } } }] };
    const container = oc('a', 'running', {
      image: 'docker.io/img:1',
      user: { uid: 1000, gid: 2, supplementalGroups: [3] },
      resources: { cpuShares: 102 },
    });
    const { containerStatuses: made } = containerStatuses(
      inputOf(podOf(podSpec), { runtime: observed([container]) }),
      podSpec,
      false,
    );
    expect(made).toEqual([
      {
        name: 'a',
        state: { running: { startedAt: t0 } },
        lastState: {},
        ready: false,
        restartCount: 0,
        image: 'docker.io/img:1',
        imageID: 'img@sha256:1',
        containerID: 'containerd://a-0',
        resources: { requests: { cpu: '100m' } },
        allocatedResources: { cpu: '100m' },
        user: { linux: { uid: 1000, gid: 2, supplementalGroups: [3] } },
        volumeMounts: [
          { name: 'v', mountPath: '/v' },
          { name: 'r', mountPath: '/r', readOnly: true, recursiveReadOnly: 'Disabled' },
        ],
      },
    ]);
  });

  test('the stop signal is shown where statuses have it', () => {
    const podSpec = spec('Always', 'a');
    const runtime = observed([oc('a', 'running', { stopSignal: 'SIGRTMIN+3' })]);
    const shown = (stopSignals: boolean) =>
      containerStatuses(inputOf(podOf(podSpec), { runtime, stopSignals }), podSpec, false).containerStatuses[0];
    expect(shown(true)).toMatchObject({ stopSignal: 'SIGRTMIN+3' });
    expect(shown(false)).not.toHaveProperty('stopSignal');
  });

  test('times and id of an end', () => {
    const podSpec = spec('Never', 'a');
    const runtime = observed([
      oc('a', 'exited', { reason: 'StartError', exitCode: 128, startedAt: 0, message: 'boom' }),
    ]);
    const { containerStatuses: made } = containerStatuses(inputOf(podOf(podSpec), { runtime }), podSpec, false);
    expect(made[0]?.state).toEqual({
      terminated: {
        exitCode: 128,
        reason: 'StartError',
        message: 'boom',
        startedAt: '1970-01-01T00:00:00Z',
        finishedAt: '2026-01-01T00:00:05Z',
        containerID: 'containerd://a-0',
      },
    });
  });
});
