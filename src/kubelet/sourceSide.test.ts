import { ApiError } from '../api/apiError.ts';
import type { StoredPod } from '../types/k8s.ts';
import { Mirrors } from './mirrors.ts';
import { followSources, removeOrphanMirrors } from './sourceSide.ts';

const mirror = (name: string) => ({ metadata: { name, namespace: 'kube-system', uid: `uid-${name}` } }) as StoredPod;
const worker = (name: string) => ({ facts: { origin: 'file', name, namespace: 'kube-system', pod: {} } });

function setUp(answers: Record<string, Error>) {
  const mirrors = new Mirrors();
  for (const name of ['owned', 'a', 'b']) mirrors.set(mirror(name));
  const deleted: string[] = [];
  const remove = async (_kind: string, { name }: { name: string }, options: object) => {
    deleted.push(name);
    expect(options).toEqual({ gracePeriodSeconds: 0, uid: `uid-${name}` });
    if (answers[name]) throw answers[name];
  };
  const side = { workers: { all: () => [worker('owned')] } };
  const options = { mirrors, side, api: { heartbeat: { delete: remove } } };
  return { deleted, clean: () => removeOrphanMirrors(options as never) };
}

test('mirrors that no static Pod owns are deleted; one that is gone already is no failure', async () => {
  const { deleted, clean } = setUp({ b: new ApiError(404, 'NotFound', 'pods "b" not found') });
  await clean();
  expect(deleted).toEqual(['a', 'b']);
});

test('what could not be deleted rejects, after the others were tried: the next round asks again', async () => {
  const { deleted, clean } = setUp({ a: new ApiError(500, 'InternalError', 'etcd is away') });
  await expect(clean()).rejects.toThrow('etcd is away');
  expect(deleted).toEqual(['a', 'b']);
});

test('whenever the worker of a static Pod takes up a version, it is told how its mirror is', () => {
  const side = { taken: (_worker: unknown, _pod: unknown) => {} };
  const sources = { pods: () => new Map(), subscribe() {}, synced: () => false };
  followSources({ sources, side, mirrors: new Mirrors(), api: {}, status: null } as never);
  const [fromFile, fromApi] = [{ ...worker('x').facts }, { ...worker('x').facts, origin: 'api' }];
  for (const facts of [fromFile, fromApi]) side.taken({ facts }, mirror('x'));
  expect(fromFile).toHaveProperty('mirror', { state: 'absent' });
  expect(fromApi).not.toHaveProperty('mirror');
});
