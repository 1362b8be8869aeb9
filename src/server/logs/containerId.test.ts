import type { ContainerStatus } from '../../types/k8s.ts';
import { bareId, containerForLog } from './containerId.ts';

const status = (c: Partial<ContainerStatus>) => ({ containerStatuses: [{ name: 'c', ...c } as ContainerStatus] });
const terminated = (containerID?: string) => ({ terminated: { exitCode: 1, ...(containerID ? { containerID } : {}) } });
const id = 'containerd://new';
const old = 'containerd://old';

test.each([
  ['running', { state: { running: {} }, containerID: id }, false, { id }],
  ['ended', { state: terminated(id) }, false, { id }],
  ['ended before it was made', { state: terminated(), lastState: terminated(old) }, false, { id: old }],
  ['never made', { state: terminated() }, false, { problem: 'container "c" in pod "p" is terminated' }],
  [
    'crash loop',
    { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: terminated(old) },
    false,
    { id: old },
  ],
  ['before', { state: { running: {} }, containerID: id, lastState: terminated(old) }, true, { id: old }],
  [
    'nothing before',
    { state: { running: {} }, containerID: id },
    true,
    { problem: 'previous terminated container "c" in pod "p" not found' },
  ],
  [
    'pull failed',
    { state: { waiting: { reason: 'ErrImagePull' } } },
    false,
    { problem: 'container "c" in pod "p" is waiting to start: image can\'t be pulled' },
  ],
  [
    'pull waits',
    { state: { waiting: { reason: 'ImagePullBackOff' } } },
    false,
    { problem: 'container "c" in pod "p" is waiting to start: trying and failing to pull image' },
  ],
  [
    'waiting',
    { state: { waiting: { reason: 'ContainerCreating' } } },
    false,
    { problem: 'container "c" in pod "p" is waiting to start: ContainerCreating' },
  ],
  ['no state', {}, false, { problem: 'container "c" in pod "p" is waiting to start - no logs yet' }],
] as const)('%s', (_name, container, previous, expected) => {
  expect(containerForLog('p', status(container as Partial<ContainerStatus>), 'c', previous)).toEqual(expected);
});

test('a container without a status is not available', () => {
  expect(containerForLog('p', {}, 'x', false)).toEqual({ problem: 'container "x" in pod "p" is not available' });
});

test('init and ephemeral containers have logs too', () => {
  const running = { name: 'i', state: { running: {} }, containerID: id } as ContainerStatus;
  expect(containerForLog('p', { initContainerStatuses: [running] }, 'i', false)).toEqual({ id });
  expect(containerForLog('p', { ephemeralContainerStatuses: [running] }, 'i', false)).toEqual({ id });
});

test('the bare id', () => {
  expect(bareId('containerd://abc')).toBe('abc');
  expect(bareId('abc')).toBe('abc');
});
