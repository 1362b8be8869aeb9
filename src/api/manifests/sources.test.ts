import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { FilePodSource } from './fileSource.ts';
import { isMirrorCurrent, isMirrorPod, isStaticPod, mirrorPodFor } from './mirror.ts';
import type { StaticPodSource } from './staticPods.ts';
import { UrlPodSource } from './urlSource.ts';

const rules = { standalone: true, preventApiReferences: true };
const pod = (name: string, image = 'nginx:1', more = '') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}${more}}\nspec:\n  containers: [{name: c, image: '${image}'}]\n`;
const images = (source: StaticPodSource) =>
  [...source.pods().values()].map((p) => `${p.metadata.name}=${p.spec.containers[0]?.image}`).sort();

let directory: string;
let sources: Disposable[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'manifests-'));
  sources = [];
});
afterEach(() => {
  for (const source of sources) source[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

function open(rescanMs = 3_600_000, path = directory): FilePodSource {
  const source = new FilePodSource({ path, rescanMs, nodeName: 'n', rules });
  sources.push(source);
  return source.start();
}

describe('files', () => {
  test('the first reading delivers all Pods, then says synced; dotfiles and directories are left alone', async () => {
    writeFileSync(join(directory, 'a.yaml'), pod('a'));
    writeFileSync(join(directory, 'b'), `${pod('b')}---\n${pod('c')}`);
    writeFileSync(join(directory, '.hidden.yaml'), pod('hidden'));
    mkdirSync(join(directory, 'sub'));
    writeFileSync(join(directory, 'sub', 'd.yaml'), pod('d'));
    const source = open();
    const seen: string[] = [];
    source.subscribe((change) => seen.push(change.type === 'synced' ? 'synced' : change.pod.metadata.name));
    await until(() => source.synced());
    expect(seen).toEqual(['a-n', 'b-n', 'c-n', 'synced']);
    expect(images(source)).toEqual(['a-n=nginx:1', 'b-n=nginx:1', 'c-n=nginx:1']);
    const annotations = [...source.pods().values()][0]?.metadata.annotations ?? {};
    expect(Date.parse(annotations['kubernetes.io/config.seen'] ?? '')).toBeGreaterThan(0);
  });

  test('edit, edit, edit ends at the last, without a rescan', async () => {
    const source = open();
    await until(() => source.synced());
    for (let i = 0; i <= 50; i++) {
      writeFileSync(join(directory, 'a.yaml'), pod('a', `nginx:${i}`));
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => images(source)[0] === 'a-n=nginx:50');
    expect(images(source)).toHaveLength(1);
  });

  test('an editor that saves by renaming takes nothing away in between; a file that stays away is gone', async () => {
    const file = join(directory, 'a.yaml');
    writeFileSync(file, pod('a'));
    const clock = new ManualClock();
    const source = new FilePodSource({ path: directory, rescanMs: 3_600_000, nodeName: 'n', rules, clock });
    sources.push(source.start());
    await until(() => source.synced() && images(source).length === 1);
    const changes: string[] = [];
    source.subscribe((change) => changes.push(change.type));
    const heard = () => until(() => clock.nextIn !== undefined && clock.nextIn <= 30);
    renameSync(file, join(directory, '.a.yaml~'));
    await heard();
    writeFileSync(file, pod('a', 'nginx:2'));
    const settled = (condition: () => boolean) =>
      until(() => {
        clock.advance(10);
        return condition();
      });
    await settled(() => images(source)[0] === 'a-n=nginx:2');
    // The old version goes and the new one comes, in one step; never was there none.
    expect(changes).toEqual(['remove', 'set']);
    rmSync(file);
    await heard();
    expect(images(source)).toHaveLength(1);
    await settled(() => images(source).length === 0);
  });

  test('a file that is removed and written again is a new wish for its Pod; one that is replaced or touched is not', async () => {
    const file = join(directory, 'a.yaml');
    writeFileSync(file, pod('a'));
    const source = open();
    await until(() => source.synced() && images(source).length === 1);
    const [uid] = source.pods().keys();
    const changes: string[] = [];
    source.subscribe((change) =>
      changes.push(change.type === 'synced' ? '' : `${change.type} ${change.pod.metadata.uid}`),
    );
    writeFileSync(join(directory, '.new'), pod('a'));
    renameSync(join(directory, '.new'), file);
    writeFileSync(join(directory, 'b.yaml'), pod('b'));
    await until(() => images(source).length === 2);
    writeFileSync(file, pod('a'));
    rmSync(join(directory, 'b.yaml'));
    await until(() => images(source).length === 1);
    expect(changes.filter((change) => change.endsWith(` ${uid}`))).toEqual([]);
    rmSync(file);
    writeFileSync(file, pod('a'));
    await until(() => changes.filter((change) => change.endsWith(` ${uid}`)).length === 2);
    expect(changes.slice(-2)).toEqual([`remove ${uid}`, `set ${uid}`]);
  });

  test('a file moved in counts at once; renamed it is another Pod; removed it is gone', async () => {
    const source = open();
    await until(() => source.synced());
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    writeFileSync(join(outside, 'a.yaml'), pod('a'));
    renameSync(join(outside, 'a.yaml'), join(directory, 'a.yaml'));
    rmSync(outside, { recursive: true });
    await until(() => source.pods().size === 1);
    const [uid] = source.pods().keys();
    renameSync(join(directory, 'a.yaml'), join(directory, 'b.yaml'));
    await until(() => source.pods().size === 1 && !source.pods().has(uid ?? ''));
    rmSync(join(directory, 'b.yaml'));
    await until(() => source.pods().size === 0);
  });

  test('a half-written file keeps the version of before and says why, until it parses', async () => {
    const file = join(directory, 'a.yaml');
    writeFileSync(file, pod('a'));
    const source = open();
    await until(() => source.pods().size === 1);
    const [before] = source.pods().keys();
    const removed: string[] = [];
    source.subscribe((change) => change.type === 'remove' && removed.push(change.pod.metadata.uid));
    const whole = pod('a', 'nginx:2');
    const fd = openSync(file, 'w');
    writeSync(fd, whole.slice(0, whole.length - 12));
    await until(() => source.problems().length === 1);
    expect(source.problems()[0]?.sentence).toMatch(/^.*a\.yaml:\d+: is not valid YAML or JSON: /);
    expect([...source.pods().keys()]).toEqual([before]);
    expect(removed).toEqual([]);
    writeSync(fd, whole.slice(whole.length - 12));
    closeSync(fd);
    await until(() => images(source)[0] === 'a-n=nginx:2');
    expect(source.problems()).toEqual([]);
    expect(removed).toEqual([before]);
  });

  test('an unchanged Pod in an edited file is not told again; removal comes before addition', async () => {
    const file = join(directory, 'a.yaml');
    writeFileSync(file, `${pod('a')}---\n${pod('b')}`);
    const source = open();
    const warnings: string[] = [];
    source.onWarnings((list) => warnings.push(...list.map((w) => w.sentence)));
    await until(() => source.synced());
    const seen: string[] = [];
    source.subscribe((change) => change.type !== 'synced' && seen.push(`${change.type} ${change.pod.metadata.name}`));
    writeFileSync(file, `# a comment\n${pod('a')}---\n${pod('b', 'nginx:2')}`);
    await until(() => seen.length === 2);
    expect(seen).toEqual(['remove b-n', 'set b-n']);
    expect(warnings).toEqual([]);
    writeFileSync(file, `${pod('a')}---\n${pod('b', 'nginx:2')}  hostNetwrk: true\n`);
    await until(() => warnings.length === 1);
    expect(warnings[0]).toMatch(/a\.yaml:12: Pod "b": spec\.hostNetwrk: unknown field; did you mean hostNetwork\?$/);
    expect(seen).toHaveLength(2);
  });

  test('a directory that comes later, and one that is replaced, are found by the rescan', async () => {
    const path = join(directory, 'later');
    const source = open(20, path);
    await until(() => source.synced());
    mkdirSync(path);
    writeFileSync(join(path, 'a.yaml'), pod('a'));
    await until(() => source.pods().size === 1);
    renameSync(path, `${path}.old`);
    mkdirSync(path);
    await until(() => source.pods().size === 0);
    writeFileSync(join(path, 'b.yaml'), pod('b'));
    await until(() => source.pods().size === 1);
  });

  test('one file as the path; too long a file and a UID used twice are problems', async () => {
    const file = join(directory, 'one.yaml');
    writeFileSync(file, pod('a', 'nginx:1', ', uid: u1'));
    const single = open(3_600_000, file);
    await until(() => single.pods().size === 1);
    writeFileSync(join(directory, 'two.yaml'), pod('b', 'nginx:1', ', uid: u1'));
    writeFileSync(join(directory, 'zzz.yaml'), 'x'.repeat(10 * 1024 * 1024 + 1));
    const source = open();
    await until(() => source.synced());
    expect(single.pods().size).toBe(1);
    expect(source.problems().map((p) => p.sentence)).toEqual([
      expect.stringMatching(/two\.yaml: the UID u1 is already used by a Pod of .*one\.yaml$/),
      expect.stringMatching(/zzz\.yaml: is 10485761 bytes long; at most 10485760 are read$/),
    ]);
    rmSync(file);
    await until(() => images(source)[0] === 'b-n=nginx:1');
  });

  test('ConfigMaps of standalone mode can be looked up and change', async () => {
    const file = join(directory, 'cm.yaml');
    const configMap = (value: string) =>
      `{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {a: "${value}"}}`;
    writeFileSync(file, configMap('1'));
    const source = open();
    await until(() => source.synced());
    expect(source.object('ConfigMap', 'default', 's')).toMatchObject({ data: { a: '1' } });
    const changed: unknown[] = [];
    source.onObject((object) => changed.push(object));
    writeFileSync(file, configMap('2'));
    await until(() => changed.length === 1);
    expect(source.object('ConfigMap', 'default', 's')).toMatchObject({ data: { a: '2' } });
    appendFileSync(file, '\n---\nnonsense');
    await until(() => source.problems().length === 1);
    expect(source.object('ConfigMap', 'default', 's')).toMatchObject({ data: { a: '2' } });
  });
});

describe('URL', () => {
  let server: Server;
  let answer: { status: number; body: string };
  let headers: unknown;
  beforeEach(async () => {
    answer = { status: 200, body: pod('u') };
    server = createServer((request, response) => {
      headers = request.headers['x-token'];
      response.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => void server.close());

  test('headers are sent, changes followed, failures keep what was', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/pods?token=secret`;
    const source = new UrlPodSource({ url, headers: { 'X-Token': ['t1'] }, periodMs: 5, nodeName: 'n', rules });
    sources.push(source.start());
    await until(() => source.synced());
    expect(headers).toBe('t1');
    const first = [...source.pods().values()][0];
    expect(first?.metadata.annotations?.['kubernetes.io/config.source']).toBe('http');
    expect(first?.spec.tolerations).toBeUndefined();
    answer = { status: 500, body: '' };
    await until(() => source.problems().length > 0);
    expect(source.problems()[0]?.sentence).toMatch(/\/pods: cannot be read: the server answered 500$/);
    expect(source.problems()[0]?.sentence).not.toMatch('secret');
    expect(source.pods().size).toBe(1);
    answer = {
      status: 200,
      body: `apiVersion: v1\nkind: PodList\nitems: [${JSON.stringify({ metadata: { name: 'v' }, spec: { containers: [{ name: 'c', image: 'i' }] } })}]`,
    };
    await until(() => images(source).join() === 'v-n=i');
    expect(source.problems()).toEqual([]);
  });
});

test('a mirror Pod stands for one version of a static Pod, is owned by the Node, and is told apart', async () => {
  writeFileSync(join(directory, 'a.yaml'), pod('a'));
  const source = open();
  await until(() => source.pods().size === 1);
  const staticPod = [...source.pods().values()][0]!;
  const mirror = mirrorPodFor(staticPod, { metadata: { name: 'n', uid: 'node-uid' } });
  expect(mirror.metadata).toMatchObject({
    name: 'a-n',
    namespace: 'default',
    annotations: { 'kubernetes.io/config.mirror': staticPod.metadata.uid },
    ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'node-uid', controller: true }],
  });
  expect([isStaticPod(staticPod), isMirrorPod(staticPod), isMirrorPod(mirror)]).toEqual([true, false, true]);
  expect(isMirrorCurrent(mirror, staticPod)).toBe(true);
  expect(isMirrorCurrent({ ...mirror, metadata: { ...mirror.metadata, deletionTimestamp: 'x' } }, staticPod)).toBe(
    false,
  );
  expect(isMirrorCurrent({ ...mirror, metadata: { ...mirror.metadata, annotations: {} } }, staticPod)).toBe(false);
  expect(isStaticPod({ metadata: { annotations: { 'kubernetes.io/config.source': 'api' } } })).toBe(false);
});
