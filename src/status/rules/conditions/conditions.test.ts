import type { ContainerStatus, PodSpec } from '../../../types/k8s.ts';
import { inputOf, observed, oc, podOf, restartAllRule, spec, st, T0, t0 } from '../testing.ts';
import { allContainersRestarting } from './allContainersRestarting.ts';
import { containersReady, podReady } from './containersReady.ts';
import { podConditions } from './index.ts';
import { podInitialized } from './initialized.ts';

const ready = (name: string) => st(name, 'none', { ready: true });
const unready = (name: string) => st(name, 'none');
const one = spec('Always', '1234');
const two = spec('Always', '1234 5678');
const none = spec('Always', '');
const side = spec('Always', 'r1', 's1*');
const sides = spec('Always', 'r1', 's1* s2*');

type ReadyRow = [PodSpec, ContainerStatus[] | undefined, string, string];
const readyRows: ReadyRow[] = [
  [none, undefined, 'Running', 'False UnknownContainerStatuses'],
  [none, [], 'Running', 'True'],
  [one, [], 'Running', 'False ContainersNotReady containers with unknown status: [1234]'],
  [two, [ready('1234'), ready('5678')], 'Running', 'True'],
  [two, [ready('1234')], 'Running', 'False ContainersNotReady containers with unknown status: [5678]'],
  [two, [ready('1234'), unready('5678')], 'Running', 'False ContainersNotReady containers with unready status: [5678]'],
  [
    two,
    [unready('1234'), unready('5678')],
    'Pending',
    'False ContainersNotReady containers with unready status: [1234 5678]',
  ],
  [
    two,
    [unready('1234')],
    'Pending',
    'False ContainersNotReady containers with unknown status: [5678], containers with unready status: [1234]',
  ],
  [one, [unready('1234')], 'Succeeded', 'False PodCompleted'],
  [one, [], 'Succeeded', 'False ContainersNotReady containers with unknown status: [1234]'],
  [one, [ready('1234')], 'Failed', 'False PodFailed'],
  [side, [ready('r1')], 'Running', 'False ContainersNotReady containers with unknown status: [s1]'],
  [sides, [ready('s1'), ready('s2'), ready('r1')], 'Running', 'True'],
  [sides, [ready('s1'), ready('r1')], 'Running', 'False ContainersNotReady containers with unknown status: [s2]'],
  [
    sides,
    [ready('s1'), unready('s2'), ready('r1')],
    'Running',
    'False ContainersNotReady containers with unready status: [s2]',
  ],
];

const text = (verdict: { status: string; reason?: string; message?: string }) =>
  [verdict.status, verdict.reason, verdict.message].filter(Boolean).join(' ');

describe('ContainersReady, and Ready without gates', () => {
  test.each(readyRows)('%#', (podSpec, statuses, phase, expected) => {
    expect(text(containersReady(podSpec, statuses, phase))).toBe(expected);
    expect(text(podReady(podSpec, [], statuses, phase))).toBe(expected);
  });
});

const gate = (type: string, status: string) => ({ type, status });
const gates = (...types: string[]) => ({ readinessGates: types.map((conditionType) => ({ conditionType })) });
const missing = (type: string) => `corresponding condition of pod readiness gate "${type}" does not exist.`;
const notTrue = (type: string) => `the status of pod readiness gate "${type}" is not "True", but False`;

describe('Ready with gates', () => {
  test.each([
    [['g1'], [], 'r', `False ReadinessGatesNotReady ${missing('g1')}`],
    [['g1'], [gate('g1', 'False')], 'r', `False ReadinessGatesNotReady ${notTrue('g1')}`],
    [['g1'], [gate('g1', 'True')], 'r', 'True'],
    [['g1', 'g2'], [gate('g1', 'True')], 'r', `False ReadinessGatesNotReady ${missing('g2')}`],
    [['g1', 'g2'], [gate('g1', 'True'), gate('g2', 'False')], 'r', `False ReadinessGatesNotReady ${notTrue('g2')}`],
    [['g1', 'g2'], [gate('g2', 'False')], 'r', `False ReadinessGatesNotReady ${missing('g1')}, ${notTrue('g2')}`],
    [['g1', 'g2'], [gate('g1', 'True'), gate('g2', 'True')], 'r', 'True'],
    [['g1'], [gate('g1', 'True')], 'u', 'False ContainersNotReady containers with unready status: [1234]'],
  ])('%j %j %s', (types, conditions, state, expected) => {
    const statuses = [state === 'r' ? ready('1234') : unready('1234')];
    expect(text(podReady({ ...one, ...gates(...types) }, conditions, statuses, 'Running'))).toBe(expected);
  });
});

describe('Initialized', () => {
  const noInit = spec('Always', 'r');
  const oneInit = spec('Always', 'r', '1234');
  const twoInit = spec('Always', 'r', '1234 5678');
  const sidecar = spec('Always', 'r', '1234*');
  const notStarted = st('1234', 'none', { started: false });
  const started = st('1234', 'none', { started: true });
  const incomplete = (names: string) => `False ContainersNotInitialized containers with incomplete status: [${names}]`;
  const rows: [string, PodSpec, ContainerStatus[] | undefined, string, string][] = [
    ['no statuses', twoInit, undefined, 'Running', 'False UnknownContainerStatuses'],
    ['no statuses, no init containers', noInit, undefined, 'Running', 'True'],
    ['no init containers', noInit, [], 'Running', 'True'],
    ['unknown', oneInit, [], 'Running', 'False ContainersNotInitialized containers with unknown status: [1234]'],
    ['all ready', twoInit, [ready('1234'), ready('5678')], 'Running', 'True'],
    [
      'one unknown',
      twoInit,
      [ready('1234')],
      'Running',
      'False ContainersNotInitialized containers with unknown status: [5678]',
    ],
    ['one incomplete', twoInit, [ready('1234'), unready('5678')], 'Running', incomplete('5678')],
    ['both incomplete', twoInit, [unready('1234'), unready('5678')], 'Pending', incomplete('1234 5678')],
    ['failed', twoInit, [ready('1234'), unready('5678')], 'Failed', incomplete('5678')],
    ['succeeded', oneInit, [ready('1234')], 'Succeeded', 'True PodCompleted'],
    ['sidecar not started', sidecar, [notStarted], 'Pending', incomplete('1234')],
    ['sidecar started', sidecar, [started], 'Running', 'True'],
    ['sidecar restarts beside main', sidecar, [notStarted, st('r', 'run')], 'Running', 'True'],
    ['main ended', oneInit, [st('1234', 'wait'), st('r', 'exit 0')], 'Running', 'True'],
  ];
  test.each(rows)('%s', (_name, podSpec, statuses, phase, expected) => {
    expect(text(podInitialized(podSpec, [], statuses, phase))).toBe(expected);
  });
  test('never becomes False again', () => {
    const before = [{ type: 'Initialized', status: 'True' }];
    expect(podInitialized(oneInit, before, [unready('1234')], 'Pending')).toEqual({ status: 'True' });
  });
});

describe('AllContainersRestarting', () => {
  test.each([
    ['Pending', false, 'False'],
    ['Failed', true, 'False PodFailed'],
    ['Succeeded', true, 'False PodCompleted'],
    ['Running', false, 'False'],
    ['Running', true, 'True RestartAllContainersStarted container exited with restart policy rule'],
  ])('%s %s', (phase, restarting, expected) => {
    expect(text(allContainersRestarting(phase, restarting))).toBe(expected);
  });
});

describe('podConditions', () => {
  const facts = { spec: one, statuses: [ready('1234')], phase: 'Running', endsNow: false, restartingAll: false };

  test('order, generation and times', () => {
    const input = inputOf(podOf(one, {}, { generation: 7 }));
    expect(podConditions(input, facts)).toEqual(
      ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        observedGeneration: 7,
        lastTransitionTime: t0,
      })),
    );
  });

  test('the transition time stays with the status and moves with it', () => {
    const conditions = [
      { type: 'Ready', status: 'True', lastTransitionTime: '2020-01-01T00:00:00Z', reason: 'x' },
      { type: 'ContainersReady', status: 'False', lastTransitionTime: '2020-01-01T00:00:00Z' },
      { type: 'PodScheduled', status: 'True', lastTransitionTime: '2019-01-01T00:00:00Z' },
    ];
    const made = podConditions(inputOf(podOf(one), { previous: { conditions } }), facts);
    const time = (type: string) => made.find((c) => c.type === type)?.lastTransitionTime;
    expect([time('Ready'), time('ContainersReady'), time('PodScheduled')]).toEqual([
      '2020-01-01T00:00:00Z',
      t0,
      '2019-01-01T00:00:00Z',
    ]);
  });

  test("other writers' conditions stay, the kubelet's own in the API are replaced", () => {
    const conditions = [
      { type: 'example.com/x', status: 'True' },
      { type: 'Ready', status: 'False', reason: 'old' },
    ];
    const made = podConditions(inputOf(podOf(one, { status: { conditions } }), { previous: {} }), facts);
    expect(made[0]).toEqual({ type: 'example.com/x', status: 'True' });
    expect(made.filter((c) => c.type === 'Ready')).toEqual([
      { type: 'Ready', status: 'True', observedGeneration: 1, lastTransitionTime: t0 },
    ]);
  });

  test('AllContainersRestarting only for Pods with such a rule', () => {
    const podSpec = {
      ...one,
      containers: [{ name: '1234', restartPolicy: 'Never', restartPolicyRules: [restartAllRule] }],
    };
    const made = podConditions(inputOf(podOf(podSpec)), { ...facts, spec: podSpec, restartingAll: true });
    expect(made.at(-1)).toEqual({
      type: 'AllContainersRestarting',
      status: 'True',
      reason: 'RestartAllContainersStarted',
      message: 'container exited with restart policy rule',
      lastTransitionTime: t0,
    });
  });

  test('a resize condition keeps its times while its reason stays', () => {
    const resize = { type: 'PodResizePending', reason: 'Deferred', message: 'm', observedGeneration: 2 } as const;
    const first = podConditions(inputOf(podOf(one), { resizeConditions: [resize] }), facts);
    const later = (reason: string, message: string) =>
      podConditions(
        inputOf(podOf(one), {
          previous: { conditions: first },
          now: T0 + 60_000,
          resizeConditions: [{ ...resize, reason, message }],
        }),
        facts,
      ).find((c) => c.type === 'PodResizePending');
    expect(first[0]).toMatchObject({
      status: 'True',
      lastProbeTime: t0,
      lastTransitionTime: t0,
      observedGeneration: 2,
    });
    expect(later('Deferred', 'm')).toMatchObject({ lastProbeTime: t0, lastTransitionTime: t0 });
    expect(later('Deferred', 'n')).toMatchObject({ lastProbeTime: '2026-01-01T00:01:00Z', lastTransitionTime: t0 });
    expect(later('Infeasible', 'n')).toMatchObject({ lastTransitionTime: '2026-01-01T00:01:00Z' });
  });

  test('the worker says when containers can start', () => {
    const input = inputOf(podOf(one), { readyToStartContainers: false, runtime: observed([oc('1234', 'running')]) });
    expect(podConditions(input, facts)[0]).toMatchObject({ type: 'PodReadyToStartContainers', status: 'False' });
  });
});
