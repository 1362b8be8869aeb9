import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '../lib/errors.ts';
import { UserNamespaces } from './userNamespaces.ts';

// What the Go kubelet's manager did (hack/userns/record.go), done again.

interface Step {
  readonly ask?: string;
  readonly hostUsers?: boolean;
  readonly handler?: string;
  readonly release?: string;
  readonly mode?: string;
  readonly ids?: readonly (readonly [number, number, number])[];
  readonly error?: string;
  readonly files: Readonly<Record<string, string>>;
}

interface Recorded {
  readonly name: string;
  readonly idsPerPod?: number;
  readonly first: number;
  readonly length: number;
  readonly mappings?: string;
  readonly maxPods: number;
  readonly files?: Readonly<Record<string, string>>;
  readonly error?: string;
  readonly steps?: readonly Step[];
}

const recorded: Recorded[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../hack/userns/recorded.json'), 'utf8'),
);

const HANDLERS: Readonly<Record<string, boolean>> = { '': true, vm: true, old: false };

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'userns-'));
});
afterEach(() => rm(root, { recursive: true }));

function filesOf(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const uid of readdirSync(root))
    for (const file of readdirSync(join(root, uid))) found[uid] = readFileSync(join(root, uid, file), 'utf8');
  return found;
}

function makeDirectories(uids: Iterable<string>): void {
  for (const uid of uids) mkdirSync(join(root, uid), { recursive: true });
}

function openAs({ first, length, maxPods, idsPerPod, mappings }: Recorded, random: number): Promise<UserNamespaces> {
  return UserNamespaces.open({
    ...{ podsDir: root, maxPods, random: () => random, supports: (handler) => HANDLERS[handler] },
    ...(idsPerPod !== undefined && { idsPerPod }),
    ids: async () => {
      if (mappings !== undefined) throw new Error(mappings);
      return { first, length };
    },
  });
}

/** In which part of the ids the search for free ones begins, so that what chance gave the Go kubelet is found here too. */
function chance({ first, length, steps = [], files = {} }: Recorded): number {
  const had = new Set(Object.keys(files).filter((uid) => files[uid] !== ''));
  const fresh = steps.find(({ ask, ids }) => ask !== undefined && ids && !had.has(ask))?.ids?.[0]?.[0] ?? first;
  return (fresh - first) / length;
}

test.each(recorded.map((one) => [one.name, one] as const))('%s: as the Go kubelet does', async (_name, record) => {
  for (const [uid, text] of Object.entries(record.files ?? {})) {
    makeDirectories([uid]);
    writeFileSync(join(root, uid, 'userns'), text);
  }
  const opened = await openAs(record, chance(record)).catch((error) => errorMessage(error));
  if (typeof opened === 'string') {
    expect(record.error && withoutGosWords(`create user namespace manager: ${record.error}`)).toBe(
      withoutGosWords(opened),
    );
    return;
  }
  expect(record.error).toBeUndefined();
  for (const step of record.steps ?? []) await doAgain(opened, step);
});

async function doAgain(namespaces: UserNamespaces, step: Step): Promise<void> {
  const { ask, hostUsers, handler = '', release, mode, ids, error, files } = step;
  if (release !== undefined) await namespaces.release(release);
  if (ask !== undefined) {
    makeDirectories([ask]);
    const pod = { metadata: { uid: ask }, spec: { containers: [], ...(hostUsers !== undefined && { hostUsers }) } };
    const failure = await namespaces.ensure(pod, handler).then(
      () => undefined,
      (thrown) => errorMessage(thrown),
    );
    expect(failure).toBe(error);
    const given = namespaces.of(ask)?.uids.map(({ hostId, containerId, length }) => [hostId, containerId, length]);
    if (error === undefined && mode === 'POD') expect(given).toEqual(ids);
    else if (error === undefined) expect(given).toBeUndefined();
    expect(namespaces.of(ask)?.gids).toEqual(namespaces.of(ask)?.uids);
  }
  expect(filesOf()).toEqual(files);
}

/** What Go's JSON reader says is its own, and what to do about it is ours. */
function withoutGosWords(message: string): string {
  return message.replace(/(invalid user namespace mappings file: ).*/, '$1…').replace(/; mend the file .*/, '');
}
