import type { ObservedContainer } from '../../../cri/observed.ts';
import type { ContainerStatus } from '../../../types/k8s.ts';
import type { StatusInput } from '../input.ts';
import { oc, spec, st, t0 } from '../testing.ts';

export const two = spec('Always', 'a b');
const never = spec('Never', 'a b');
const withInit = spec('Always', 'a', 'i');
const withSidecar = spec('Always', 'a', 's*');
const deleted = { deletionTimestamp: t0 };
const crash = { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container=a pod=p_ns(u)' };

export interface Row {
  name: string;
  spec?: typeof two;
  meta?: object;
  runtime: ObservedContainer[] | null;
  before?: ContainerStatus[];
  more?: Partial<StatusInput>;
  restarting?: boolean;
  /** "name: state | lastState | restartCount" of main, then init, then ephemeral containers. */
  expected: string[];
}

const lostDeleted =
  'ContainerStatusUnknown 137 The container could not be located when the pod was deleted.  The container used to be Running';
const lostEnded = 'ContainerStatusUnknown 137 The container could not be located when the pod was terminated';
const removed = 'RestartingAllContainers 137 The container is removed because RestartAllContainers in place';
const waitRemoved = 'wait RestartingAllContainers The container is removed because RestartAllContainers in place';
const completed =
  'Completed 0 Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally';

/** Cases of kubelet_pods_test.go and of our own, for containerStatuses.test.ts. */
export const rows: Row[] = [
  {
    name: 'new Pod',
    runtime: [],
    expected: ['a: wait ContainerCreating | - | 0', 'b: wait ContainerCreating | - | 0'],
  },
  {
    name: 'new Pod with init containers',
    spec: withInit,
    runtime: [],
    expected: ['a: wait PodInitializing | - | 0', 'i: wait PodInitializing | - | 0'],
  },
  {
    name: 'sorted by name',
    spec: spec('Always', 'z b a'),
    runtime: [],
    expected: ['a', 'b', 'z'].map((n) => `${n}: wait ContainerCreating | - | 0`),
  },
  {
    name: 'init containers in the order of the spec',
    spec: spec('Always', 'm', 'z b a'),
    runtime: [],
    expected: ['m', 'z', 'b', 'a'].map((n) => `${n}: wait PodInitializing | - | 0`),
  },
  {
    name: 'running',
    runtime: [oc('b', 'running'), oc('a', 'running')],
    expected: ['a: run | - | 0', 'b: run | - | 0'],
  },
  { name: 'created only', spec: spec('Always', 'a'), runtime: [oc('a', 'created')], expected: ['a: wait | - | 0'] },
  {
    name: 'exited',
    spec: spec('Never', 'a'),
    runtime: [oc('a', 'exited', { exitCode: 3, reason: 'Error' })],
    expected: ['a: Error 3 | - | 0'],
  },
  {
    name: 'foreign containers of the sandbox are ignored',
    spec: spec('Never', 'a'),
    runtime: [oc('x', 'running'), oc('a', 'running')],
    expected: ['a: run | - | 0'],
  },
  {
    name: 'second instance runs',
    spec: spec('Always', 'a'),
    runtime: [oc('a', 'running', { id: 'a-1', restartCount: 1 }), oc('a', 'exited', { exitCode: 1, reason: 'Error' })],
    expected: ['a: run | Error 1 | 1'],
  },
  {
    name: 'only the end before counts, not older ones',
    spec: spec('Always', 'a'),
    runtime: [
      oc('a', 'exited', { id: 'a-2', restartCount: 2, exitCode: 2 }),
      oc('a', 'exited', { id: 'a-1', exitCode: 1 }),
      oc('a', 'exited'),
    ],
    expected: ['a: 2 | 1 | 2'],
  },

  {
    name: 'gone, deleted',
    meta: deleted,
    runtime: [],
    before: [st('a', 'run'), st('b', 'run')],
    expected: [`a: wait ContainerCreating | ${lostDeleted} | 0`, `b: wait ContainerCreating | ${lostDeleted} | 0`],
  },
  {
    name: 'gone, not deleted',
    runtime: [],
    before: [st('a', 'run'), st('b', 'run')],
    expected: [`a: wait ContainerCreating | ${lostDeleted} | 1`, `b: wait ContainerCreating | ${lostDeleted} | 1`],
  },
  {
    name: 'gone with init containers',
    spec: withInit,
    runtime: [oc('i', 'exited')],
    before: [st('a', 'run')],
    expected: [`a: wait PodInitializing | ${lostDeleted} | 1`, 'i: 0 | - | 0'],
  },
  {
    name: 'gone, ended before once',
    runtime: [],
    before: [st('a', 'run', { lastState: { terminated: { exitCode: 7 } }, restartCount: 1 })],
    expected: ['a: wait ContainerCreating | 7 | 1', 'b: wait ContainerCreating | - | 0'],
  },
  {
    name: 'gone after its end',
    runtime: [],
    before: [st('a', 'exit 5', { restartCount: 5 }), st('b', 'exit 5', { restartCount: 5 })],
    expected: ['a: 5 | - | 5', 'b: 5 | - | 5'],
  },
  {
    name: 'gone while waiting',
    runtime: [],
    before: [st('a', 'wait exit 3', { restartCount: 2 })],
    expected: ['a: wait ContainerCreating | 3 | 2', 'b: wait ContainerCreating | - | 0'],
  },
  {
    name: 'not read yet: nothing is concluded',
    runtime: null,
    before: [st('a', 'run', { restartCount: 4 })],
    expected: ['a: run | - | 4', 'b: wait ContainerCreating | - | 0'],
  },
  {
    name: 'unknown, ran before',
    spec: never,
    runtime: [oc('a', 'unknown'), oc('b', 'running')],
    before: [st('a', 'run'), st('b', 'run')],
    expected: [`a: ${lostEnded} | - | 1`, 'b: run | - | 0'],
  },
  {
    name: 'unknown, never ran',
    spec: never,
    runtime: [oc('a', 'unknown'), oc('b', 'running')],
    expected: ['a: wait | - | 0', 'b: run | - | 0'],
  },
  {
    name: 'unknown a second time keeps its end',
    spec: never,
    runtime: [oc('a', 'unknown'), oc('b', 'running')],
    before: [st('a', 'exit 137', { containerID: 'containerd://a-0', restartCount: 1 })],
    expected: ['a: 137 | - | 1', 'b: run | - | 0'],
  },

  {
    name: 'runs with a lower count than reported',
    runtime: [oc('a', 'running'), oc('b', 'running')],
    before: [st('a', 'exit -1', { restartCount: 5 }), st('b', 'exit -1', { restartCount: 5 })],
    expected: ['a: run | -1 | 6', 'b: run | -1 | 6'],
  },
  {
    name: "normal restart keeps the runtime's count",
    spec: spec('Always', 'a'),
    runtime: [oc('a', 'running', { id: 'a-1', restartCount: 3 })],
    before: [st('a', 'exit 1', { containerID: 'containerd://a-0', restartCount: 2 })],
    expected: ['a: run | 1 | 3'],
  },
  {
    name: 'restart all: asked',
    restarting: true,
    runtime: [oc('a', 'running'), oc('b', 'exited', { exitCode: 42 })],
    before: [st('a', 'run'), st('b', 'run')],
    expected: ['a: run | - | 0', 'b: 42 | - | 0'],
  },
  {
    name: 'restart all: one killed, one removed',
    restarting: true,
    runtime: [oc('a', 'exited', { exitCode: 137 })],
    before: [st('a', 'run'), st('b', 'exit 42')],
    expected: ['a: 137 | - | 0', `b: ${waitRemoved} | ${removed} | 1`],
  },
  {
    name: 'restart all: both removed',
    restarting: true,
    runtime: [],
    before: [st('a', 'exit 137'), st('b', 'exit 42')],
    expected: [`a: ${waitRemoved} | ${removed} | 1`, `b: ${waitRemoved} | ${removed} | 1`],
  },
  {
    name: 'restart all: removed while running',
    restarting: true,
    runtime: [],
    before: [st('a', 'run'), st('b', 'exit 42')],
    expected: [`a: ${waitRemoved} | ${removed} | 1`, `b: ${waitRemoved} | ${removed} | 1`],
  },
  {
    name: 'restart all: one runs again',
    restarting: true,
    runtime: [oc('a', 'running', { id: 'new' })],
    before: [st('a', 'restarting all', { restartCount: 1 }), st('b', 'exit 42')],
    expected: ['a: run | RestartingAllContainers 137 x | 1', `b: ${waitRemoved} | ${removed} | 1`],
  },
  {
    name: 'restart all: one succeeded',
    restarting: true,
    runtime: [oc('a', 'exited')],
    before: [st('a', 'run', { restartCount: 1 }), st('b', 'exit 42')],
    expected: ['a: 0 | - | 1', `b: ${waitRemoved} | ${removed} | 1`],
  },
  {
    name: 'restart all: one failed',
    restarting: true,
    runtime: [oc('a', 'exited', { exitCode: 1 })],
    before: [st('a', 'run', { restartCount: 1 }), st('b', 'exit 42')],
    expected: ['a: 1 | - | 1', `b: ${waitRemoved} | ${removed} | 1`],
  },
  {
    name: 'restart all: lost',
    restarting: true,
    spec: never,
    runtime: [oc('a', 'unknown'), oc('b', 'running')],
    before: [st('a', 'run')],
    expected: [
      'a: RestartingAllContainers 137 The container could not be located when the pod was terminated | - | 1',
      'b: run | - | 0',
    ],
  },

  {
    name: 'init container forgotten, main runs',
    spec: withInit,
    runtime: [oc('a', 'running')],
    expected: ['a: run | - | 0', `i: ${completed} | - | 0`],
  },
  {
    name: 'init container forgotten, main created',
    spec: withInit,
    runtime: [oc('a', 'created')],
    expected: ['a: wait | - | 0', `i: ${completed} | - | 0`],
  },
  {
    name: 'init container forgotten, main unknown',
    spec: withInit,
    runtime: [oc('a', 'unknown')],
    expected: ['a: wait | - | 0', 'i: wait PodInitializing | - | 0'],
  },
  {
    name: 'sidecar forgotten, main runs',
    spec: withSidecar,
    runtime: [oc('a', 'running')],
    expected: ['a: run | - | 0', 's: wait PodInitializing | - | 0'],
  },

  {
    name: 'back-off',
    spec: spec('Always', 'a'),
    runtime: [oc('a', 'exited', { exitCode: 1, reason: 'Error' })],
    more: { waiting: { a: crash } },
    expected: [`a: wait CrashLoopBackOff ${crash.message} | Error 1 | 0`],
  },
  {
    name: 'image cannot be pulled',
    spec: spec('Always', 'a'),
    runtime: [],
    more: { waiting: { a: { reason: 'ErrImagePull', message: 'm' } } },
    expected: ['a: wait ErrImagePull m | - | 0'],
  },
  {
    name: 'a reason without a message',
    spec: spec('Always', 'a'),
    runtime: [],
    more: { waiting: { a: { reason: 'PodInitializing', message: '' } } },
    expected: ['a: wait PodInitializing | - | 0'],
  },
  {
    name: 'a reason for a created container',
    spec: spec('Always', 'a'),
    runtime: [oc('a', 'created')],
    more: { waiting: { a: { reason: 'RunContainerError', message: 'm' } } },
    expected: ['a: wait RunContainerError m | - | 0'],
  },
  {
    name: 'a reason is stale for a running container',
    spec: spec('Always', 'a'),
    runtime: [oc('a', 'running')],
    more: { waiting: { a: crash } },
    expected: ['a: run | - | 0'],
  },
  {
    name: "a reason does not hide the end of a deleted Pod's container",
    spec: spec('Always', 'a'),
    meta: deleted,
    runtime: [oc('a', 'exited', { exitCode: 1 })],
    more: { waiting: { a: crash } },
    expected: ['a: 1 | - | 0'],
  },
  {
    name: 'nor of one that is not restarted',
    spec: spec('Never', 'a'),
    runtime: [oc('a', 'exited', { exitCode: 1 })],
    more: { waiting: { a: crash } },
    expected: ['a: 1 | - | 0'],
  },
  {
    name: 'nor of one that succeeded under OnFailure',
    spec: spec('OnFailure', 'a'),
    runtime: [oc('a', 'exited')],
    more: { waiting: { a: crash } },
    expected: ['a: 0 | - | 0'],
  },
  {
    name: 'nor of an init container that succeeded',
    spec: withInit,
    runtime: [oc('i', 'exited')],
    more: { waiting: { i: crash } },
    expected: ['a: wait PodInitializing | - | 0', 'i: 0 | - | 0'],
  },
  {
    name: 'an init container in back-off',
    spec: withInit,
    runtime: [oc('i', 'exited', { exitCode: 1 })],
    more: { waiting: { i: crash } },
    expected: ['a: wait PodInitializing | - | 0', `i: wait CrashLoopBackOff ${crash.message} | 1 | 0`],
  },
  {
    name: 'a container named like a method',
    spec: spec('Always', 'constructor'),
    runtime: [],
    expected: ['constructor: wait ContainerCreating | - | 0'],
  },

  {
    name: 'ephemeral containers',
    spec: spec('Always', 'a', '', { ephemeralContainers: [{ name: 'e2' }, { name: 'e1' }] }),
    runtime: [oc('e2', 'exited', { exitCode: 1 }), oc('a', 'running')],
    expected: ['a: run | - | 0', 'e1: wait ContainerCreating | - | 0', 'e2: 1 | - | 0'],
  },
];
