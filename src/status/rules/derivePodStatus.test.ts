import type { PodStatus } from '../../types/k8s.ts';
import { derivePodStatus, deriveStatus } from './derivePodStatus.ts';
import type { StatusInput } from './input.ts';
import { inputOf, observed, oc, podOf, restartAllRule, sandbox, spec, st, T0, t0 } from './testing.ts';

const one = spec('Always', 'a');
const never = spec('Never', 'a');
const condition = (status: PodStatus, type: string) => {
  const found = status.conditions?.find((c) => c.type === type);
  return found && [found.status, found.reason, found.message].filter(Boolean).join(' ');
};
const running = observed([oc('a', 'running')]);
const exited = (exitCode: number) => observed([oc('a', 'exited', { exitCode })], [sandbox({ ready: false, ips: [] })]);

describe('derivePodStatus', () => {
  test('a fresh Pod', () => {
    expect(derivePodStatus(inputOf(podOf(one), { runtime: observed([], []), readyToStartContainers: false }))).toEqual({
      phase: 'Pending',
      qosClass: 'BestEffort',
      startTime: t0,
      observedGeneration: 1,
      hostIP: '192.168.0.1',
      hostIPs: [{ ip: '192.168.0.1' }],
      resources: {},
      conditions: [
        { type: 'PodReadyToStartContainers', status: 'False', observedGeneration: 1, lastTransitionTime: t0 },
        { type: 'Initialized', status: 'True', observedGeneration: 1, lastTransitionTime: t0 },
        {
          type: 'Ready',
          status: 'False',
          observedGeneration: 1,
          lastTransitionTime: t0,
          reason: 'ContainersNotReady',
          message: 'containers with unready status: [a]',
        },
        {
          type: 'ContainersReady',
          status: 'False',
          observedGeneration: 1,
          lastTransitionTime: t0,
          reason: 'ContainersNotReady',
          message: 'containers with unready status: [a]',
        },
        { type: 'PodScheduled', status: 'True', observedGeneration: 1, lastTransitionTime: t0 },
      ],
      containerStatuses: [
        {
          name: 'a',
          state: { waiting: { reason: 'ContainerCreating' } },
          lastState: {},
          ready: false,
          started: false,
          restartCount: 0,
          image: 'img',
          imageID: '',
        },
      ],
    });
  });

  test('a running Pod', () => {
    const status = derivePodStatus(inputOf(podOf(one), { runtime: running }));
    expect(status).toMatchObject({ phase: 'Running', podIP: '10.0.0.10', podIPs: [{ ip: '10.0.0.10' }] });
    expect(status.containerStatuses?.[0]).toMatchObject({ ready: true, started: true });
    expect(condition(status, 'Ready')).toBe('True');
  });

  test.each([
    [undefined, true, true],
    [{ started: false, ready: true }, false, false],
    [{ started: true, ready: false }, true, false],
    [{ started: true, ready: true }, true, true],
  ])('health %j: started %s, ready %s', (health, started, ready) => {
    const podSpec = spec('Always', 'a', 's*');
    const runtime = observed([oc('a', 'running'), oc('s', 'running')]);
    const status = derivePodStatus(
      inputOf(podOf(podSpec), { runtime, health: health ? { a: health, s: health } : {} }),
    );
    expect(status.containerStatuses?.[0]).toMatchObject({ started, ready });
    expect(status.initContainerStatuses?.[0]).toMatchObject({ started, ready });
  });

  test('init containers: the conformance invariants', () => {
    const podSpec = spec('Never', 'run1', 'init1 init2');
    const runtime = observed([oc('init2', 'exited', { exitCode: 1, reason: 'Error' }), oc('init1', 'exited')]);
    const { status, comingPhase } = deriveStatus(inputOf(podOf(podSpec), { runtime }));
    expect(status.initContainerStatuses?.map((s) => [s.name, s.ready])).toEqual([
      ['init1', true],
      ['init2', false],
    ]);
    expect(status.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: 'PodInitializing' } },
      restartCount: 0,
    });
    expect(condition(status, 'Initialized')).toBe(
      'False ContainersNotInitialized containers with incomplete status: [init2]',
    );
    expect([status.phase, comingPhase]).toEqual(['Pending', 'Failed']);
    const done = derivePodStatus(
      inputOf(podOf(podSpec), { runtime, previous: status, terminating: true, finished: true }),
    );
    expect(done.phase).toBe('Failed');
    expect(condition(done, 'Initialized')).toBe(
      'False ContainersNotInitialized containers with incomplete status: [init2]',
    );
    expect(condition(done, 'Ready')).toBe('False PodFailed');
    expect(done.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } });
  });

  describe('terminal phases', () => {
    const rows: [string, Partial<StatusInput>, PodStatus | undefined, string, string, string][] = [
      // input, API status → phase, coming phase, Ready
      [
        'done but not stopped',
        { runtime: exited(0) },
        { phase: 'Running' },
        'Running',
        'Succeeded',
        'False PodCompleted',
      ],
      [
        'done and stopped',
        { runtime: exited(0), terminating: true, finished: true },
        { phase: 'Running' },
        'Succeeded',
        'Succeeded',
        'False PodCompleted',
      ],
      ['failed but not stopped', { runtime: exited(1) }, undefined, 'Pending', 'Failed', 'False PodFailed'],
      [
        'failed and stopped',
        { runtime: exited(1), finished: true },
        { phase: 'Running' },
        'Failed',
        'Failed',
        'False PodFailed',
      ],
      [
        'deleted before its start',
        { runtime: observed([]), terminating: true, finished: true },
        { phase: 'Pending' },
        'Failed',
        'Failed',
        'False PodFailed',
      ],
      [
        'deleted, still stopping',
        { runtime: running, terminating: true },
        { phase: 'Running' },
        'Running',
        'Running',
        'True',
      ],
      [
        'terminal in the API stays, whatever runs',
        { runtime: running },
        { phase: 'Succeeded' },
        'Succeeded',
        'Succeeded',
        'False PodCompleted',
      ],
      [
        'terminal in an earlier turn stays',
        { runtime: running, previous: { phase: 'Failed' } },
        { phase: 'Running' },
        'Failed',
        'Failed',
        'False PodFailed',
      ],
      [
        'the API wins over an earlier turn',
        { runtime: running, previous: { phase: 'Failed' } },
        { phase: 'Succeeded' },
        'Succeeded',
        'Succeeded',
        'False PodCompleted',
      ],
      [
        'not read yet, was ready',
        { runtime: null },
        { phase: 'Running', containerStatuses: [st('a', 'started', { ready: true })] },
        'Running',
        'Running',
        'True',
      ],
      [
        'not read yet, was not ready',
        { runtime: null },
        { phase: 'Running', containerStatuses: [st('a', 'started')] },
        'Running',
        'Running',
        'False ContainersNotReady containers with unready status: [a]',
      ],
      [
        'evicted, still stopping',
        { runtime: running, terminating: true, ended: { reason: 'Evicted', message: 'm' } },
        { phase: 'Running' },
        'Running',
        'Failed',
        'True',
      ],
      [
        'over its deadline, still stopping',
        { runtime: running, terminating: true, ended: { reason: 'DeadlineExceeded' } },
        { phase: 'Running' },
        'Running',
        'Failed',
        'False PodFailed',
      ],
      [
        'evicted, exit 0',
        { runtime: exited(0), terminating: true, finished: true, ended: { reason: 'Evicted' } },
        { phase: 'Running' },
        'Failed',
        'Failed',
        'False PodFailed',
      ],
      [
        'evicted after it succeeded',
        { runtime: exited(0), terminating: true, finished: true, ended: { reason: 'Evicted' } },
        { phase: 'Succeeded' },
        'Succeeded',
        'Succeeded',
        'False PodCompleted',
      ],
    ];
    test.each(rows)('%s', (_name, more, api, phase, coming, ready) => {
      const pod = podOf(never, api ? { status: api } : {});
      const { status, comingPhase } = deriveStatus(inputOf(pod, more));
      expect([status.phase, comingPhase, condition(status, 'Ready')]).toEqual([phase, coming, ready]);
    });

    test('a static Pod that is stopped gets no terminal phase', () => {
      const pod = podOf(
        one,
        { status: { phase: 'Running' } },
        { annotations: { 'kubernetes.io/config.source': 'file' } },
      );
      expect(derivePodStatus(inputOf(pod, { runtime: exited(1), terminating: true, finished: true })).phase).toBe(
        'Running',
      );
    });

    test('an end that nobody saw', () => {
      const pod = podOf(
        one,
        { status: { phase: 'Running', containerStatuses: [st('a', 'run')] } },
        { deletionTimestamp: t0 },
      );
      const status = derivePodStatus(inputOf(pod, { runtime: observed([], []), terminating: true, finished: true }));
      expect(status.phase).toBe('Failed');
      expect(status.containerStatuses?.[0]).toMatchObject({
        state: {
          terminated: {
            exitCode: 137,
            reason: 'ContainerStatusUnknown',
            message: 'The container could not be located when the pod was terminated',
          },
        },
        lastState: {
          terminated: {
            exitCode: 137,
            reason: 'ContainerStatusUnknown',
            message: 'The container could not be located when the pod was deleted.  The container used to be Running',
          },
        },
        restartCount: 0,
      });
    });
  });

  describe('reason and message', () => {
    const api = { phase: 'Pending', reason: 'Test', message: 'test' };
    test.each([
      ['kept with the phase', observed([oc('a', 'created')]), 'Pending', 'Test', 'test'],
      ['dropped when it changes', running, 'Running', undefined, undefined],
    ])('%s', (_name, runtime, phase, reason, message) => {
      const status = derivePodStatus(inputOf(podOf(one, { status: api }), { runtime }));
      expect([status.phase, status.reason, status.message]).toEqual([phase, reason, message]);
    });
  });

  describe('whoever ends the Pod', () => {
    const ended = {
      reason: 'Evicted',
      message: 'The node had condition: [MemoryPressure]. ',
      condition: { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message: 'evicted' },
    } as const;
    const disruption = (status: PodStatus) => status.conditions?.find((c) => c.type === 'DisruptionTarget');

    test('reason, message and DisruptionTarget come with the terminal phase only', () => {
      const pod = podOf(one, { status: { phase: 'Running' } });
      const first = derivePodStatus(inputOf(pod, { runtime: running, terminating: true, ended }));
      expect([first.phase, first.reason, disruption(first)]).toEqual(['Running', undefined, undefined]);
      const input = { runtime: exited(137), terminating: true, finished: true, ended, now: T0 + 60_000 };
      const last = derivePodStatus(inputOf(pod, { ...input, previous: first }));
      expect([last.phase, last.reason, last.message]).toEqual(['Failed', ended.reason, ended.message]);
      expect(disruption(last)).toEqual({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'TerminationByKubelet',
        message: 'evicted',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-01T00:01:00Z',
      });
      expect(derivePodStatus(inputOf(pod, { ...input, previous: last, now: T0 + 120_000 }))).toEqual(last);
    });

    test.each([
      [0, 'Succeeded', undefined],
      [137, 'Failed', 'Preempting'],
    ])('preempted, a Pod whose containers end with %i is %s, as with the Go kubelet', (code, phase, reason) => {
      const preempted = { ...ended, reason: 'Preempting' };
      const pod = podOf(one, { status: { phase: 'Running' } });
      const first = derivePodStatus(inputOf(pod, { runtime: running, terminating: true, ended: preempted }));
      expect([first.phase, first.reason]).toEqual(['Running', undefined]);
      const input = { runtime: exited(code), terminating: true, finished: true, ended: preempted, previous: first };
      const last = derivePodStatus(inputOf(pod, input));
      expect([last.phase, last.reason, disruption(last)?.reason]).toEqual([phase, reason, 'TerminationByKubelet']);
      expect(derivePodStatus(inputOf(pod, { ...input, previous: last, now: T0 + 120_000 }))).toEqual(last);
    });

    test("it replaces another writer's reason but keeps the time", () => {
      const conditions = [
        { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', lastTransitionTime: t0 },
      ];
      const pod = podOf(one, { status: { phase: 'Running', conditions } });
      const during = derivePodStatus(inputOf(pod, { runtime: running, terminating: true, ended, now: T0 + 5000 }));
      expect(disruption(during)).toEqual(conditions[0]);
      const after = derivePodStatus(
        inputOf(pod, {
          runtime: exited(1),
          terminating: true,
          finished: true,
          ended,
          previous: during,
          now: T0 + 9000,
        }),
      );
      expect(disruption(after)).toMatchObject({ reason: 'TerminationByKubelet', lastTransitionTime: t0 });
    });
  });

  test('a rejected Pod has nothing but the verdict', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'True' },
      { type: 'x', status: 'True' },
    ];
    const pod = podOf(one, { status: { phase: 'Pending', qosClass: 'Burstable', conditions } });
    const rejected = { reason: 'OutOfcpu', message: "Node didn't have enough resource: cpu" };
    expect(derivePodStatus(inputOf(pod, { rejected, runtime: null }))).toEqual({
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: "Pod was rejected: Node didn't have enough resource: cpu",
      qosClass: 'Burstable',
      startTime: t0,
      observedGeneration: 1,
      conditions: [{ type: 'x', status: 'True' }],
    });
    const done = podOf(one, { status: { phase: 'Succeeded' } });
    expect(derivePodStatus(inputOf(done, { rejected })).phase).toBe('Succeeded');
  });

  test('start time and generation never go back', () => {
    const previous = { startTime: '2020-01-01T00:00:00Z', observedGeneration: 5 };
    expect(derivePodStatus(inputOf(podOf(one, {}, { generation: 3 }), { previous }))).toMatchObject(previous);
    expect(derivePodStatus(inputOf(podOf(one, {}, { generation: 0 }))).observedGeneration).toBeUndefined();
  });

  test('a container reported as ended for good does not come back', () => {
    const before = { phase: 'Running', containerStatuses: [st('a', 'exit 1')] };
    const status = derivePodStatus(inputOf(podOf(never, { status: before }), { runtime: running }));
    expect(status.containerStatuses?.[0]?.state).toEqual({ terminated: { exitCode: 1 } });
  });

  describe('RestartAllContainers', () => {
    const podSpec = spec('Never', '');
    const withRule = {
      ...podSpec,
      containers: [{ name: 'a', restartPolicy: 'Never', restartPolicyRules: [restartAllRule] }],
    };
    const state = (more: Partial<StatusInput>) =>
      condition(derivePodStatus(inputOf(podOf(withRule), more)), 'AllContainersRestarting');
    const on = 'True RestartAllContainersStarted container exited with restart policy rule';
    const previous = { conditions: [{ type: 'AllContainersRestarting', status: 'True' }] };
    test.each([
      ['asked by an exit code', { runtime: exited(42) }, on],
      ['another exit code', { runtime: exited(1) }, 'False PodFailed'],
      ['under way', { runtime: exited(1), previous, ended: undefined, restartAllContainers: true }, 'False PodFailed'],
      ['cleaned up', { runtime: observed([]), previous }, 'False'],
      ['the worker says so', { runtime: running, restartAllContainers: true }, on],
      ['the worker says no', { runtime: exited(42), restartAllContainers: false }, 'False'],
    ])('%s', (_name, more, expected) => expect(state(more)).toBe(expected));
  });
});
