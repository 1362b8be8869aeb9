import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pod } from '../types/k8s.ts';
import { everythingAbove, IDS_UNIT } from './rules/idSpace.ts';
import { UserNamespaces, type UserNamespacesOptions } from './userNamespaces.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'userns-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

function opened(more: Partial<UserNamespacesOptions> = {}): Promise<UserNamespaces> {
  return UserNamespaces.open({
    ...{ podsDir: root, maxPods: 1, random: Math.random, supports: () => true },
    ids: async (idsPerPod) => everythingAbove(idsPerPod),
    ...more,
  });
}

function podOf(uid: string): Pod {
  mkdirSync(join(root, uid), { recursive: true });
  return { metadata: { uid }, spec: { containers: [], hostUsers: false } };
}

const firstOf = (namespaces: UserNamespaces, uid: string) => namespaces.of(uid)?.uids[0]?.hostId;

test('no two Pods share an id, however they come, end and outlive the kubelet', async () => {
  const count = 5;
  const space = { ids: async () => ({ first: IDS_UNIT, length: count * IDS_UNIT }), maxPods: count };
  let namespaces = await opened(space);
  const held = new Map<string, number>();
  for (let turn = 0; turn < 300; turn++) {
    const uid = `pod-${turn}`;
    const full = held.size === count;
    const asked = namespaces.ensure(podOf(uid), '');
    if (full) await expect(asked).rejects.toThrow('could not find an empty slot to allocate a user namespace');
    else {
      await asked;
      held.set(uid, firstOf(namespaces, uid)!);
    }
    expect(new Set(held.values()).size).toBe(held.size);
    if (full || Math.random() < 0.3) {
      const [gone] = [...held.keys()].sort(() => Math.random() - 0.5);
      if (gone === undefined) continue;
      await namespaces.release(gone);
      held.delete(gone);
    }
    if (Math.random() < 0.2) namespaces = await opened(space);
    for (const [known, first] of held) expect(firstOf(namespaces, known)).toBe(first);
  }
});

test('all who ask for the ids of one Pod at once get the same, and wait until they are on disk', async () => {
  const namespaces = await opened();
  const pod = podOf('a');
  await Promise.all([1, 2, 3].map(() => namespaces.ensure(pod, '')));
  const path = join(root, 'a', 'userns');
  expect(JSON.parse(readFileSync(path, 'utf8')).uidMappings).toEqual(namespaces.of('a')?.uids);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a Pod whose directory takes no file gets no ids, and leaves them to others', async () => {
  const namespaces = await opened({ ids: async () => ({ first: IDS_UNIT, length: IDS_UNIT }) });
  const pod = podOf('a');
  rmSync(join(root, 'a'), { recursive: true });
  writeFileSync(join(root, 'a'), '');
  await expect(namespaces.ensure(pod, '')).rejects.toThrow('create user namespace: ');
  expect(namespaces.of('a')).toBeNull();
  await namespaces.ensure(podOf('b'), '');
  expect(firstOf(namespaces, 'b')).toBe(IDS_UNIT);
});

test('ids that are being written when the Pod ends are given back after it', async () => {
  const namespaces = await opened();
  const asked = namespaces.ensure(podOf('a'), '');
  await namespaces.release('a');
  await asked;
  expect(namespaces.of('a')).toBeNull();
  expect(() => statSync(join(root, 'a', 'userns'))).toThrow('ENOENT');
});

test('what stands in the place of the file and was not written by a kubelet ends the start with its path', async () => {
  mkdirSync(join(root, 'a', 'userns'), { recursive: true });
  await expect(opened()).rejects.toThrow(
    `record pod mappings for existing pod "a": it is no file; mend the file ${root}/a/userns, or remove it`,
  );
  rmSync(join(root, 'a', 'userns'), { recursive: true });
  writeFileSync(join(root, 'a', 'userns'), Buffer.alloc(100_000, '['));
  await expect(opened()).rejects.toThrow('it is longer than 65536 bytes');
});

test('without a directory of Pods nobody has ids', async () => {
  rmSync(root, { recursive: true });
  expect((await opened()).of('a')).toBeNull();
});
