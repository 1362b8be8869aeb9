import { ApiError } from '../api/apiError.ts';
import { mergedPodSource } from '../api/mergedPodSource.ts';
import type { PodChange, PodSource, PodSourceName } from '../api/podSource.types.ts';
import { openLedger } from '../ledger/admission.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { readLedgerInput } from '../node/ledgerInput.ts';
import { ledgerView } from '../node/ledgerView.ts';
import { Mirrors } from '../pods/mirrors.ts';
import { PodTable } from '../pods/table.ts';
import type { FactUpdate } from '../pods/updates.ts';
import type { Node, StoredPod } from '../types/k8s.ts';
import { followSources, removeOrphanMirrors, showMirror } from './sources.ts';

const mirror = (name: string) => ({ metadata: { name, namespace: 'kube-system', uid: `uid-${name}` } }) as StoredPod;
const worker = (name: string) => ({ origin: 'file', name, namespace: 'kube-system', pod: {} });

function setUp(answers: Record<string, Error>) {
  const mirrors = new Mirrors();
  for (const name of ['owned', 'a', 'b']) mirrors.set(mirror(name));
  const deleted: string[] = [];
  const remove = async (_kind: string, { name }: { name: string }, options: object) => {
    deleted.push(name);
    expect(options).toEqual({ gracePeriodSeconds: 0, uid: `uid-${name}` });
    if (answers[name]) throw answers[name];
  };
  const options = { mirrors, workers: { all: () => [worker('owned')] }, client: { delete: remove } };
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

test('a static Pod is told how its mirror is, and what status the API server has of it', () => {
  const mirrors = new Mirrors();
  const learned: FactUpdate[] = [];
  const observed: unknown[] = [];
  const options = { mirrors, publisher: { observeApi: (...args: unknown[]) => void observed.push(args) } };
  const owner = { uid: 'u', learn: (update: FactUpdate) => void learned.push(update) };
  showMirror(options, owner, mirror('x'));
  expect(learned).toEqual([{ kind: 'mirror', mirror: { state: 'absent' } }]);
  const shown = { ...mirror('x'), status: { phase: 'Running' } } as StoredPod;
  mirrors.set(shown);
  showMirror(options, owner, mirror('x'));
  expect(learned.slice(1)).toEqual([
    { kind: 'mirror', mirror: { state: 'current' } },
    { kind: 'accepted', status: { phase: 'Running' }, written: false },
  ]);
  expect(observed).toEqual([['u', shown]]);
});

describe('the first admissions', () => {
  function source(name: PodSourceName) {
    let listener = (_: PodChange) => {};
    const pods = new Map<string, StoredPod>();
    let synced = false;
    const subscribe = (added: typeof listener) => {
      listener = added;
      return { [Symbol.dispose]() {} };
    };
    return {
      ...({ name, pods: () => pods, synced: () => synced, subscribe } satisfies PodSource),
      report(...all: StoredPod[]) {
        for (const pod of all) {
          pods.set(pod.metadata.uid, pod);
          listener({ type: 'set', pod });
        }
        synced = true;
        listener({ type: 'synced' });
      },
    };
  }

  const pod = (name: string, spec: object = {}) =>
    ({ metadata: { name, namespace: 'ns', uid: name }, spec: { containers: [], ...spec } }) as unknown as StoredPod;

  function start(running: readonly string[] = []) {
    const clock = new ManualClock();
    const [api, file] = [source('api'), source('file')];
    const status = { allocatable: { cpu: '4', memory: '8Gi', pods: '110' } };
    let node: Node = { metadata: { name: 'n' }, status };
    const view = () =>
      ledgerView(node, { ...readLedgerInput({ allowedUnsafeSysctls: [] }, 'n', []), shuttingDown: false });
    const ledger = openLedger({ table: new PodTable(), view, freshView: async () => undefined, onEvent() {} });
    const verdicts: string[] = [];
    const set = async (asking: StoredPod) => {
      const { uid } = asking.metadata;
      const request = { hasRunningContainers: running.includes(uid), createdAt: 0 };
      verdicts.push(`${uid} ${(await ledger.reserve(asking, request)).verdict}`);
    };
    const workers = { set, get: () => undefined, all: () => [], sourcesSynced() {} };
    const log = silentLogger;
    const shared = { client: null, mirrors: new Mirrors(), workers, publisher: null, ledger, clock, log };
    const following = followSources({
      ...shared,
      sources: mergedPodSource([file, api]),
      onSynced() {},
    } as never);
    const labelled = (labels: Record<string, string>) => {
      node = { ...node, metadata: { name: 'n', labels } };
      ledger.setNode(view());
    };
    return { clock, api, file, verdicts, following, labelled };
  }

  test('an API server that never answers: a static Pod is admitted within a second, one that runs at once', async () => {
    const { clock, file, verdicts } = start(['runs']);
    file.report(pod('new'), pod('runs'));
    await clock.advanceAsync(999);
    expect(verdicts).toEqual(['runs admitted']);
    await clock.advanceAsync(1);
    expect(verdicts).toEqual(['runs admitted', 'new admitted']);
  });

  test('an API server that is quick goes first: the Node’s labels are known before the first admission', async () => {
    const { clock, api, file, verdicts, labelled } = start();
    file.report(pod('zoned', { nodeSelector: { zone: 'a' } }));
    await clock.advanceAsync(300);
    expect(verdicts).toEqual([]);
    labelled({ zone: 'a' });
    api.report(pod('other'));
    await clock.advanceAsync(0);
    expect(verdicts).toEqual(['zoned admitted', 'other admitted']);
  });

  test('an agent that ends first admits nobody any more', async () => {
    const { clock, file, verdicts, following } = start();
    file.report(pod('new'));
    following[Symbol.dispose]();
    await clock.advanceAsync(10_000);
    expect([verdicts, clock.pending]).toEqual([[], 0]);
  });
});
