import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Type } from 'protobufjs';
import type { Cri } from '../../src/cri/client.ts';
import { createObserver } from '../../src/cri/observe.ts';
import { criProtocol } from '../../src/cri/protocol.ts';
import { keyringOfConfigJson, keyringOfDockercfg } from '../../src/images/rules/credentials.ts';
import { decodeAnswer } from '../../src/images/rules/providerAnswer.ts';
import { classifyPullError } from '../../src/images/rules/pullError.ts';
import { decodeIntent, decodeRecord } from '../../src/images/rules/pullRecord.ts';
import { Random } from '../../src/lib/fake/random.ts';
import { removeTree } from '../../src/lib/linux/removeTree.ts';
import { csiProtocol } from '../../src/plugins/protocols/csi.ts';
import { deviceProtocol } from '../../src/plugins/protocols/device.ts';
import { draProtocol } from '../../src/plugins/protocols/dra.ts';
import { registrationProtocol } from '../../src/plugins/protocols/registration.ts';
import { ODD_TEXTS } from '../../src/podworker/fake/sim/hostilePod.ts';
import { diskUsage } from '../../src/stats/diskUsage.ts';
import { damaged, randomMessage } from './randomMessage.ts';
import { DEFECT, fuzzing, randomBytes } from './settings.ts';

const { count, first } = fuzzing(3_000);

/** What was thrown, if it is no sentence that somebody could act on. */
function unclear(thrown: unknown): string[] {
  if (!(thrown instanceof Error)) return [`threw ${String(thrown)}`];
  return thrown.message === '' || DEFECT.test(thrown.message)
    ? [`${thrown.stack?.split('\n').slice(0, 3).join(' ')}`]
    : [];
}

const protocols = {
  cri: criProtocol,
  csi: csiProtocol,
  device: deviceProtocol,
  dra: draProtocol,
  registration: registrationProtocol,
};

/** Every message type that a peer may send. */
const types = Object.entries(protocols).flatMap(([name, protocol]) => {
  const all: Type[] = [];
  const visit = (at: { nestedArray?: readonly unknown[] }) => {
    for (const nested of (at.nestedArray ?? []) as (Type & { nestedArray?: readonly unknown[] })[]) {
      if ('fieldsArray' in nested && nested.name.endsWith('Response')) all.push(nested);
      visit(nested);
    }
  };
  visit(protocol.root());
  return all.map((type) => ({ name, type, codec: protocol.message(type.fullName.slice(1)) }));
});

test(`${count} answers of plug-ins and runtimes from seed ${first}: each is a message or a sentence`, () => {
  const found: string[] = [];
  let messages = 0;
  for (let seed = first; seed < first + count && found.length < 10; seed++) {
    const random = new Random(seed);
    const { name, type, codec } = random.pick(...types);
    try {
      codec.decode(damaged(random, randomMessage(random, type)));
      messages += 1;
    } catch (error) {
      found.push(...unclear(error).map((problem) => `FUZZ_SEED=${seed} ${name} ${type.name}: ${problem}`));
    }
  }
  expect(found).toEqual([]);
  expect(types.length).toBeGreaterThan(30);
  expect(messages).toBeGreaterThan(count / 4);
});

test(`${count} sets of answers of a runtime from seed ${first}: what is seen of a Pod is a fact or a sentence`, async () => {
  const found: string[] = [];
  let seen = 0;
  const lookUp = (name: string) => ({
    type: criProtocol.root().lookupType(`runtime.v1.${name}`),
    codec: criProtocol.message(`runtime.v1.${name}`),
  });
  const lists = { containers: lookUp('ListContainersResponse'), sandboxes: lookUp('ListPodSandboxResponse') };
  const statuses = { container: lookUp('ContainerStatusResponse'), sandbox: lookUp('PodSandboxStatusResponse') };
  const amount = Math.ceil(count / 4);
  for (let seed = first; seed < first + amount && found.length < 10; seed++) {
    const random = new Random(seed);
    const answer = ({ type, codec }: ReturnType<typeof lookUp>) =>
      codec.decode(randomMessage(random, type, 4)) as never;
    const runtime = {
      listContainers: async () => (answer(lists.containers) as { containers: never }).containers,
      listPodSandbox: async () => (answer(lists.sandboxes) as { items: never }).items,
      containerStatus: async () => answer(statuses.container),
      podSandboxStatus: async () => answer(statuses.sandbox),
    } as Partial<Cri> as Cri;
    const observer = createObserver(runtime);
    try {
      JSON.stringify([await observer.observePod('u'), await observer.observeAll(), await observer.observePod('u')]);
      seen += 1;
    } catch (error) {
      found.push(...unclear(error).map((problem) => `FUZZ_SEED=${seed}: ${problem}`));
    }
  }
  expect(found).toEqual([]);
  expect(seen).toBeGreaterThan(amount / 4);
});

/** JSON that is nearly what is expected. */
function nearly(random: Random, depth = 3): unknown {
  const text = () =>
    random.pick(...ODD_TEXTS, 'Image', 'Registry', 'index.docker.io', 'eDp5', 'credentialprovider.kubelet.k8s.io/v1');
  const kind = random.int(depth > 0 ? 6 : 4);
  if (kind === 0) return text();
  if (kind === 1) return random.pick<unknown>(null, true, -1, 1e308, 0);
  if (kind === 2) return [];
  if (kind === 3) return {};
  if (kind === 4) return [nearly(random, depth - 1)];
  const keys = [
    'auths',
    'auth',
    'username',
    'password',
    'kind',
    'apiVersion',
    'cacheKeyType',
    'cacheDuration',
    'imageRef',
    'image',
    'credentialMapping',
    'lastUpdatedTime',
    '__proto__',
    'kubernetesSecrets',
    'CredentialProviderResponse',
    'docker.io',
  ];
  return Object.fromEntries(keys.filter(() => random.chance(0.4)).map((key) => [key, nearly(random, depth - 1)]));
}

test(`${count} texts of registries, credential providers and records from seed ${first}: each is an answer or a sentence`, () => {
  const found: string[] = [];
  const readers: ((text: string) => unknown)[] = [
    keyringOfConfigJson,
    keyringOfDockercfg,
    (text) => decodeAnswer(text, 'credentialprovider.kubelet.k8s.io/v1'),
    decodeIntent,
    decodeRecord,
    (text) => classifyPullError('img', text),
  ];
  for (let seed = first; seed < first + count && found.length < 10; seed++) {
    const random = new Random(seed);
    const text = random.chance(0.2)
      ? randomBytes((n) => random.int(n), 200).toString('latin1')
      : JSON.stringify(nearly(random));
    for (const read of readers) {
      try {
        read(text);
      } catch (error) {
        found.push(...unclear(error).map((problem) => `FUZZ_SEED=${seed}: ${problem}`));
      }
    }
  }
  expect(found).toEqual([]);
});

test(
  `trees of random names from seed ${first}: each is counted and removed whole, and no descriptor stays open`,
  async () => {
    const trees = Math.max(5, Math.ceil(count / 100));
    const handles = () => readdirSync('/proc/self/fd').length;
    const before = handles();
    const signal = new AbortController().signal;
    for (let seed = first; seed < first + trees; seed++) {
      const random = new Random(seed);
      const root = mkdtempSync(join(tmpdir(), 'fuzz-names-'));
      let at = Buffer.from(root);
      for (let i = random.int(40); i >= 0; i--) {
        const name = Buffer.from(randomBytes((n) => random.int(n), 100).filter((byte) => byte !== 0 && byte !== 0x2f));
        if (name.length === 0 || ['.', '..'].includes(name.toString())) continue;
        const path = Buffer.concat([at, Buffer.from('/'), name]);
        if (random.chance(0.3)) {
          mkdirSync(path, { recursive: true });
          if (random.chance(0.5)) at = path;
        } else writeFileSync(path, 'x', { flag: 'a' });
      }
      let usage: { readonly inodes?: number } | undefined;
      const walk = diskUsage(root);
      for (let step = await walk.next(); ; step = await walk.next())
        if (step.done) {
          usage = step.value as typeof usage;
          break;
        }
      expect({ seed, known: usage !== undefined }).toEqual({ seed, known: true });
      await removeTree(root, signal);
      expect({ seed, left: readdirSync(tmpdir()).includes(root.slice(root.lastIndexOf('/') + 1)) }).toEqual({
        seed,
        left: false,
      });
      rmSync(root, { recursive: true, force: true });
    }
    expect(handles()).toBeLessThanOrEqual(before + 2);
  },
  24 * 3_600_000,
);
