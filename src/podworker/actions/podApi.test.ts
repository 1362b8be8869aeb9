import { ApiError, apiErrorFrom } from '../../api/apiError.ts';
import type { ApiClient } from '../../api/client.ts';
import type { Node, Pod } from '../../types/k8s.ts';
import { podApi } from './podApi.ts';

const pod: Pod = {
  metadata: { name: 's-n', namespace: 'default', uid: 'u', annotations: { 'kubernetes.io/config.hash': 'h' } },
  spec: { containers: [] },
};

function setUp(node: Node | undefined) {
  const created: Pod[] = [];
  const client = { create: async (_kind: string, object: Pod) => void created.push(object) } as unknown as ApiClient;
  const api = podApi(
    client,
    () => node,
    () => undefined,
  );
  return { created, create: () => api.createMirror(pod, new AbortController().signal) };
}

test.each([undefined, { metadata: { name: 'n' } }])('no mirror Pod without the UID of its Node: %j', async (node) => {
  const { created, create } = setUp(node);
  await expect(create()).rejects.toMatchObject({ code: 'NodeUnknown' });
  expect(created).toEqual([]);
});

test('the mirror Pod is owned by the Node', async () => {
  const { created, create } = setUp({ metadata: { name: 'n', uid: 'node-uid' } });
  await create();
  expect(created[0]?.metadata?.ownerReferences).toMatchObject([{ kind: 'Node', name: 'n', uid: 'node-uid' }]);
});

test("a Pod of the mirror's name that is not shown as this mirror is an error that names it", async () => {
  const node = { metadata: { name: 'n', uid: 'node-uid' } };
  const taken = new ApiError(409, 'AlreadyExists', 'pods "s-n" already exists');
  const client = { create: () => Promise.reject(taken) } as unknown as ApiClient;
  const create = (mirror: Pod | undefined) =>
    podApi(
      client,
      () => node,
      () => mirror,
    ).createMirror(pod, new AbortController().signal);
  await expect(create(undefined)).rejects.toMatchObject({
    code: 'MirrorNameTaken',
    message: expect.stringContaining('default/s-n'),
  });
  const own = { 'kubernetes.io/config.hash': 'h', 'kubernetes.io/config.mirror': 'h' };
  await expect(create({ metadata: { ...pod.metadata, annotations: own } })).resolves.toBeUndefined();
});

const answers = {
  gone: new ApiError(404, 'NotFound', 'pods "s-n" not found', undefined, { name: 's-n', kind: 'pods' }),
  another: new ApiError(409, 'Conflict', 'Precondition failed: UID in precondition: u, UID in object meta: v'),
  proxy: apiErrorFrom(404, 'default backend - 404', undefined, 'DELETE /api/v1/namespaces/default/pods/s-n'),
  busy: new ApiError(409, 'Conflict', 'the object has been modified'),
};

test.each([
  ['gone', true],
  ['another', true],
  ['proxy', false],
  ['busy', false],
] as const)('a DELETE that is answered "%s" counts as done: %s', async (answer, done) => {
  const client = { delete: () => Promise.reject(answers[answer]) } as unknown as ApiClient;
  const api = podApi(
    client,
    () => undefined,
    () => pod,
  );
  const { signal } = new AbortController();
  for (const call of [() => api.deletePod('default', 's-n', 'u', signal), () => api.deleteMirror(pod, signal)]) {
    if (done) await expect(call()).resolves.toBeUndefined();
    else await expect(call()).rejects.toBe(answers[answer]);
  }
});
