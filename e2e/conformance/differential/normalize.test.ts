import { byPod, differences, normalize } from './normalize.ts';
import type { RecordedCall } from './recorder.ts';

const uid = '01234567-89ab-cdef-0123-456789abcdef';
const id = 'a'.repeat(64);

test('what differs by chance is named alike', () => {
  const value = {
    path: `/pods/${uid}/x`,
    ip: '10.244.3.7',
    [uid]: 1,
    at: '2026-01-02T03:04:05.6Z',
    v: 'kube-api-access-x7k2p',
  };
  const expected = { path: '/pods/UID/x', ip: 'POD-IP', UID: 1, at: 'TIME', v: 'kube-api-access-RANDOM' };
  expect(normalize(value, new Map())).toEqual(expected);
});

test('bytes read as text, Service addresses and message files are chance', () => {
  const value = { v: Buffer.from('tcp://10.108.2.3:80'), dns: '10.96.0.10', h: '/x/containers/main/4dd25cae' };
  const expected = { v: 'tcp://SERVICE-IP:80', dns: '10.96.0.10', h: '/x/containers/main/RANDOM' };
  expect(normalize(value, new Map())).toEqual(expected);
});

test('environment and mounts have no order, arguments have', () => {
  const config = { envs: [{ key: 'b' }, { key: 'a' }], args: ['b', 'a'] };
  expect(normalize({ config }, new Map())).toEqual({
    config: { envs: [{ key: 'a' }, { key: 'b' }], args: ['b', 'a'] },
  });
});

test('differences are found field by field', () => {
  const [go, ts] = [
    { a: { b: 1, c: [1, 2] }, d: null },
    { a: { b: 2, c: [1] }, d: null, e: 'x' },
  ];
  expect(differences(go, ts)).toEqual([
    { path: 'a.b', go: 1, ts: 2 },
    { path: 'a.c.1', go: 2, ts: undefined },
    { path: 'e', go: undefined, ts: 'x' },
  ]);
  expect(differences(go, go)).toEqual([]);
});

test('calls are found by Pod and container, in order', () => {
  const call = (method: string, request: object, made?: string): RecordedCall => ({
    at: 0,
    method,
    request,
    ...(made ? { id: made } : {}),
  });
  const box = 'b'.repeat(64);
  const calls = [
    call('RunPodSandbox', { config: { metadata: { name: 'web' } } }, box),
    call('CreateContainer', { podSandboxId: box, config: { metadata: { name: 'main' } } }, id),
    call('ContainerStatus', { containerId: id }),
    call('StopContainer', { containerId: id, timeout: '30' }),
    call('StopContainer', { containerId: id, timeout: '2' }),
  ];
  const web = byPod(calls).get('web');
  expect([...(web?.keys() ?? [])]).toEqual([
    'RunPodSandbox sandbox#1',
    'CreateContainer main#1',
    'StopContainer main#1',
    'StopContainer main#2',
  ]);
  expect(web?.get('StopContainer main#2')).toEqual({ containerId: 'main', timeout: '2' });
});
