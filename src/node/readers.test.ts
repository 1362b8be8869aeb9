import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CriError } from '../cri/error.ts';
import type { StatusResponseOut } from '../cri/generated/runtime.ts';
import { disposable } from '../lib/disposables.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { defaultDevice4, defaultDevice6, readAddressFacts } from './addressFacts.ts';
import { removeLeftovers } from './containerGc.ts';
import { testFacts, testSettings } from './fake/facts.ts';
import { removeDanglingLinks, removeLogDirectories } from './logGc.ts';
import { countCpus, kilobytes, prettyName, readMachineFacts } from './machineFacts.ts';
import { nodeFactsReader } from './nodeFacts.ts';
import { RuntimeStatus } from './runtimeStatus.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'node-test-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('the machine', () => {
  test.each([
    ['0-3', 4],
    ['0-3,8,10-11', 7],
    ['0', 1],
    ['', 1],
  ])('CPU list %j', (list, count) => {
    expect(countCpus(list)).toBe(count);
  });

  test.each([
    ['NAME=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', 'Debian GNU/Linux 12 (bookworm)'],
    ["PRETTY_NAME='A \\$B'", 'A $B'],
    ['PRETTY_NAME=Plain', 'Plain'],
    ['', 'Unknown'],
  ])('os-release %j', (text, name) => {
    expect(prettyName(text)).toBe(name);
  });

  test('meminfo', () => {
    expect(kilobytes('MemTotal:       24684092 kB\nSwapTotal:   0 kB\n', 'MemTotal')).toBe(24684092);
    expect(kilobytes('', 'SwapTotal')).toBe(0);
  });

  test('reads another root, and survives an empty one', async () => {
    await mkdir(join(dir, 'etc'));
    await mkdir(join(dir, 'sys/kernel/mm/hugepages/hugepages-2048kB'), { recursive: true });
    await writeFile(join(dir, 'etc/machine-id'), 'abc\n');
    await writeFile(join(dir, 'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages'), '3\n');
    const facts = await readMachineFacts(dir, dir);
    expect(facts).toMatchObject({ machineID: 'abc', systemUUID: 'abc', hugePages: { 2097152: 6291456 }, cores: 1 });
    expect(facts.rootfsBytes).toBeGreaterThan(0);
    expect(await readMachineFacts('/nonexistent', join(dir, 'nothing'))).toMatchObject({
      memoryBytes: 0,
      machineID: '',
    });
  });

  test('reads this one', async () => {
    const facts = await readMachineFacts('/');
    expect(facts.memoryBytes).toBeGreaterThan(2 ** 20);
    expect(facts.bootID).toMatch(/^[0-9a-f-]{36}$/);
    expect((await readAddressFacts()).local).toContain('127.0.0.1');
  });

  test('default routes', () => {
    const v4 = 'Iface\tDestination\tGateway\tFlags\neth1\t0000000A\t00000000\t0001\neth0\t00000000\t0100000A\t0003\n';
    expect(defaultDevice4(v4)).toBe('eth0');
    const zero = '0'.repeat(32);
    const v6 = [
      `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo`,
      `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000002 00000000 00000003     eth0`,
    ].join('\n');
    expect(defaultDevice6(v6)).toBe('eth0');
    expect([defaultDevice4(''), defaultDevice6('')]).toEqual([undefined, undefined]);
  });
});

describe('runtime status', () => {
  const good: StatusResponseOut = {
    status: {
      conditions: ['RuntimeReady', 'NetworkReady'].map((type) => ({ type, status: true, reason: '', message: '' })),
    },
    info: {},
    runtimeHandlers: [],
    features: null,
  };

  test('asks often until ready, then every 5 s; tells changes only; down after 30 s even while a question hangs', async () => {
    const clock = new ManualClock();
    let answer: () => Promise<StatusResponseOut> = () => Promise.reject(new Error('connect ENOENT'));
    let calls = 0;
    const ask = () => {
      calls++;
      return answer();
    };
    const status = new RuntimeStatus({ status: ask }, clock);
    const seen: string[] = [];
    status.onChange(({ errors }) => seen.push(errors.join()));
    status.start();
    await clock.advanceAsync(1000);
    expect(calls).toBe(5);
    answer = () => Promise.resolve(good);
    await clock.advanceAsync(250);
    expect(status.fact).toMatchObject({ runtimeReady: true, networkReady: true });
    await clock.advanceAsync(10_000);
    expect(calls).toBe(8);
    answer = () => new Promise(() => {});
    await clock.advanceAsync(34_999);
    expect(status.fact.errors).toEqual(['container runtime is down']);
    expect(seen).toEqual([
      'container runtime status check may not have completed yet: connect ENOENT',
      '',
      'container runtime is down',
    ]);
    status[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});

test.each([
  [
    (n: number) =>
      new CriError('Status', { code: 4, details: `Deadline exceeded after 10.00${n}s,metadata filters: 0.00${n}s` }),
    'it did not answer within 10 s',
  ],
  [
    (n: number) =>
      new CriError('Status', {
        code: 14,
        details: `Last error: connect ENOENT /x (2026-01-01T00:00:0${n}.123Z). Note`,
      }),
    'Last error: connect ENOENT /x. Note',
  ],
])('one lasting problem of the runtime is told once', async (errorOf, text) => {
  const clock = new ManualClock();
  let calls = 0;
  const status = new RuntimeStatus({ status: () => Promise.reject(errorOf(++calls)) }, clock);
  const seen: string[] = [];
  status.onChange(({ errors }) => seen.push(errors.join()));
  status.start();
  await clock.advanceAsync(1000);
  expect(calls).toBe(5);
  expect(seen).toEqual([`container runtime status check may not have completed yet: ${text}`]);
  status[Symbol.dispose]();
});

test('a runtime that hangs does not hold up the facts', async () => {
  const clock = new ManualClock();
  const images = [
    { id: 'i', repoTags: ['t'], repoDigests: [], size: '7', uid: null, username: '', spec: null, pinned: false },
  ];
  let hang = false;
  const answer = <T>(value: T) => (hang ? new Promise<T>(() => {}) : Promise.resolve(value));
  const service = {
    version: () =>
      answer({ version: '', runtimeName: 'containerd', runtimeVersion: 'v2.1.4', runtimeApiVersion: 'v1' }),
    listImages: () => answer(images),
  };
  const { pressure, notReady, warnings, runtime } = testFacts;
  const options = { service, clock, settings: testSettings, rootDir: dir, runtime: () => runtime };
  const read = nodeFactsReader({ ...options, others: async () => ({ pressure, notReady, warnings }) });
  const known = { runtimeVersion: 'containerd://2.1.4', images: [{ repoTags: ['t'], repoDigests: [], sizeBytes: 7 }] };
  expect(await read()).toMatchObject(known);
  hang = true;
  clock.advance(120_000);
  expect(await read()).toMatchObject(known);
  const unknown = nodeFactsReader({ ...options, others: async () => ({ pressure, notReady, warnings }) })();
  await clock.advanceAsync(2_000);
  expect(await unknown).not.toHaveProperty('images');
});

describe('garbage', () => {
  test('log directories of Pods that are gone, and nothing else', async () => {
    const outside = join(dir, 'outside');
    const logs = join(dir, 'pods');
    await mkdir(join(logs, 'ns_a_gone/c'), { recursive: true });
    await mkdir(join(logs, 'ns_b_here'));
    await mkdir(join(logs, 'lost+found'));
    await mkdir(outside);
    await writeFile(join(outside, 'file'), '');
    await writeFile(join(logs, 'ns_a_gone/c/0.log'), '');
    await symlink(outside, join(logs, 'ns_a_gone/link'));
    await symlink(outside, join(logs, 'ns_x_gone'));
    const { signal } = new AbortController();
    let claimed = 0;
    const claim = (uid: string) => (uid === 'gone' ? disposable(() => claimed++) : undefined);
    expect(await removeLogDirectories(logs, claim, silentLogger, signal)).toEqual(['ns_a_gone']);
    expect(claimed).toBe(1);
    expect((await readdir(logs)).sort()).toEqual(['lost+found', 'ns_b_here', 'ns_x_gone']);
    expect(await readdir(outside)).toEqual(['file']);
  });

  test('dangling links of dead containers', async () => {
    await writeFile(join(dir, 'real.log'), '');
    await symlink(join(dir, 'real.log'), join(dir, 'p_ns_c-aaaaaaaa.log'));
    await symlink(join(dir, 'gone.log'), join(dir, 'p_ns_c-bbbbbbbb.log'));
    await symlink(join(dir, 'gone.log'), join(dir, 'p_ns_c-cccccccc.log'));
    await symlink(join(dir, 'gone.log'), join(dir, 'foreign'));
    await writeFile(join(dir, 'p_ns_c-dddddddd.log'), 'a file');
    expect(await removeDanglingLinks(dir, (id) => id === 'cccccccc', silentLogger)).toEqual(['p_ns_c-bbbbbbbb.log']);
    expect(await readdir(dir)).toHaveLength(5);
  });

  test('one failed removal does not keep the others', async () => {
    const done: string[] = [];
    const sandbox = (id: string) => ({
      id,
      metadata: { name: '', uid: 'gone', namespace: '', attempt: 0 },
      state: 'SANDBOX_NOTREADY' as const,
      createdAt: '0',
      labels: {},
      annotations: {},
      runtimeHandler: '',
    });
    const service = {
      listContainers: async () => [],
      listPodSandbox: async () => [sandbox('a'), sandbox('b')],
      removeContainer: async () => {},
      stopPodSandbox: async (id: string) => {
        if (id === 'a') throw new Error('busy');
      },
      removePodSandbox: async (id: string) => void done.push(id),
    };
    expect(await removeLeftovers(service, () => true, silentLogger)).toBe(1);
    expect(done).toEqual(['b']);
  });
});
