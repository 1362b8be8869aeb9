// A StatefulSet whose Pods have a volume each: what they write outlives scaling, updates and the loss of the node's power.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ownBootId, powerOff, startRuntime, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Node, Pod } from '../../src/types/k8s.ts';
import { makeVolume, removeVolumes } from '../lib/claims.ts';
import { patience } from '../lib/collection.ts';
import { attacher, CsiDriverProcess } from '../lib/csiDriver.ts';
import { nodeMounts, untilNothingLeft } from '../lib/leftovers.ts';
import { condition, container, describePod, image, rest } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const members = ['db-0', 'db-1', 'db-2'];
const claimOf = (member: string): string => `data-${member}`;

/** Each start of a member adds a line to its volume: its name, the version, and what an earlier life left in memory alone. */
const script = `echo "$(hostname) $VERSION $(ls /scratch)" >> /data/log; touch /scratch/left; ${rest}`;

function template(version: string): object {
  return {
    metadata: { labels: { app: 'db', version } },
    spec: {
      terminationGracePeriodSeconds: 5,
      volumes: [{ name: 'scratch', emptyDir: { medium: 'Memory' } }],
      containers: [
        {
          ...{ name: 'main', image, command: ['sh', '-c', script], env: [{ name: 'VERSION', value: version }] },
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'scratch', mountPath: '/scratch' },
          ],
        },
      ],
    },
  };
}

/** A StatefulSet of three on a driver whose volumes are attached; gone with its Pods when disposed. */
class Database implements AsyncDisposable {
  readonly #t: TestContext;
  readonly #url: string;

  private constructor(t: TestContext) {
    this.#t = t;
    this.#url = `/apis/apps/v1/namespaces/${t.namespace}/statefulsets`;
  }

  static async create(t: TestContext): Promise<Database> {
    const database = new Database(t);
    const claim = { storageClassName: t.namespace, accessModes: ['ReadWriteOnce'] };
    await t.lab.api.create(database.#url, {
      metadata: { name: 'db' },
      spec: {
        replicas: members.length,
        serviceName: 'db',
        selector: { matchLabels: { app: 'db' } },
        template: template('one'),
        volumeClaimTemplates: [
          { metadata: { name: 'data' }, spec: { ...claim, resources: { requests: { storage: '1Gi' } } } },
        ],
      },
    });
    return database;
  }

  change(spec: object): Promise<unknown> {
    return this.#t.lab.api.patch(`${this.#url}/db`, { spec });
  }

  /** Waits until exactly these members are there, Ready, and as `wanted`. */
  async until(what: string, names: readonly string[], wanted: (pod: Pod) => boolean = () => true): Promise<Pod[]> {
    const { pods } = this.#t.lab;
    const all = () => pods.all(this.#t.namespace);
    return pods.until(
      what,
      () => {
        const now = all();
        const isReady = (pod: Pod) => condition(pod, 'Ready') === 'True' && !pod.metadata?.deletionTimestamp;
        const is = names.every((name) => now.some((pod) => pod.metadata?.name === name && isReady(pod) && wanted(pod)));
        return is && now.length === names.length ? now : undefined;
      },
      patience,
      () => all().map(describePod).join('; '),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#t.lab.api.remove(`${this.#url}/db`, { propagationPolicy: 'Foreground' });
    await this.#t.lab.pods.until(
      'no Pod of the StatefulSet',
      () => this.#t.lab.pods.all(this.#t.namespace).length === 0,
    );
  }
}

/** The volumes that the members' claims are bound to. */
async function volumes(t: TestContext, driver: string): Promise<AsyncDisposable> {
  const claims = members.map(claimOf);
  for (const name of claims)
    await makeVolume(t, name, {
      csi: { driver, volumeHandle: name },
      storageClassName: t.namespace,
      claimRef: { namespace: t.namespace, name },
    });
  return { [Symbol.asyncDispose]: () => removeVolumes(t, ...claims) };
}

/** What a member has written in all its lives. */
async function assertWritten(driver: CsiDriverProcess, member: string, versions: readonly string[]): Promise<void> {
  const file = path.join(driver.dataOf(claimOf(member)), 'log');
  const wanted = versions.map((version) => `${member} ${version} `);
  const lines = () => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  // A container is Ready a moment before its shell has written.
  await waitFor(
    `${member} to have written`,
    { timeout: patience, interval: 50 },
    () => lines().length >= wanted.length,
  );
  assert.deepEqual(lines(), wanted);
}

/** The power of the node is cut; then it starts as a machine does: the runtime, the kubelet, and the driver that somebody starts again. */
async function reboot(t: TestContext, driver: CsiDriverProcess): Promise<void> {
  await driver.kill();
  await powerOff(t.lab.cluster);
  await startRuntime(t.lab.cluster);
  await t.lab.startAgent();
  await driver.start();
  await waitForNodeReady(t.lab.cluster, patience);
}

/** Others use the node after this. */
async function untilOwnBoot(t: TestContext): Promise<void> {
  await ownBootId(t.lab.cluster);
  await t.lab.restartAgent();
}

async function outlives(t: TestContext): Promise<void> {
  const name = `db.${t.namespace}.example`;
  await using _machine = { [Symbol.asyncDispose]: () => untilOwnBoot(t) };
  await using _volumes = await volumes(t, name);
  await using driver = await new CsiDriverProcess(t, name).start();
  await using _attacher = attacher(t, name);
  await using database = await Database.create(t);
  const [first = '', ...others] = members;
  await database.until('three members', members);

  await database.change({ replicas: 1 });
  await database.until('one member', [first]);
  await driver.until('to be asked to unstage the others', () => driver.count('NodeUnstageVolume') === others.length);
  await database.change({ replicas: members.length });
  await database.until('three members again', members);
  await assertWritten(driver, first, ['one']);
  for (const member of others) await assertWritten(driver, member, ['one', 'one']);

  await database.change({ template: template('two') });
  const isUpdated = (pod: Pod) => pod.metadata?.labels?.version === 'two';
  const before = await database.until('three members of the second version', members, isUpdated);
  await assertWritten(driver, first, ['one', 'two']);
  for (const member of others) await assertWritten(driver, member, ['one', 'one', 'two']);

  const staged = driver.count('NodeStageVolume');
  const [undone, boot] = [driver.count('NodeUnstageVolume'), await bootId(t)];
  const start = performance.now();
  await reboot(t, driver);
  const isRestarted = (pod: Pod) => container(pod, 'main')?.restartCount === 1;
  const after = await database.until('three members after the loss of power', members, isRestarted);
  t.note(`three members Ready ${Math.round(performance.now() - start)} ms after the power was cut`);
  assert.notEqual(await bootId(t), boot);
  assert.deepEqual(after.map(uidOf).sort(), before.map(uidOf).sort());
  await assertWritten(driver, first, ['one', 'two', 'two']);
  for (const member of others) await assertWritten(driver, member, ['one', 'one', 'two', 'two']);
  assert.equal(driver.count('NodeStageVolume') - staged, members.length, 'each volume is staged once more');
  assert.equal(driver.count('NodeUnstageVolume'), undone, 'nothing is unstaged under a Pod');

  await database.change({ replicas: 0 });
  await database.until('no member', []);
  for (const pod of after) await untilNothingLeft(t.lab, uidOf(pod));
  await driver.until('to be asked to unstage all', () => driver.count('NodeUnstageVolume') === undone + members.length);
  assert.deepEqual(
    nodeMounts(t.lab).filter((line) => line.includes(name)),
    [],
  );
}

const uidOf = ({ metadata }: Pod): string => metadata?.uid ?? '';
const bootId = async (t: TestContext): Promise<string | undefined> =>
  (await t.lab.api.get<Node>(`/api/v1/nodes/${t.lab.node}`)).status?.nodeInfo?.bootID;

export const statefulSets = group('statefulsets', [
  test('data outlives scaling, an update and the loss of power', outlives, { mode: 'alone', weight: 3 }),
]);
