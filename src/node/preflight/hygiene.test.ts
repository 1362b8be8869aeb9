import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import type { Mounter, MountRequest } from '../../lib/linux/mounter.ts';
import { parseMountInfo } from '../../lib/linux/mountInfo.ts';
import { createLogger, silentLogger } from '../../lib/logger.ts';
import { IptablesHints, type RunProgram } from './iptablesHints.ts';
import { ensureKernelSettings } from './kernelSettings.ts';
import { adjustOomScore } from './processLimits.ts';
import { noteLoopbackResolver, onlyLoopback } from './resolverNote.ts';
import { isShared, shareRootDirectory } from './rootPropagation.ts';
import { refuseSwap } from './swap.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hygiene-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const file = (name: string, text?: string): string => {
  if (text !== undefined) writeFileSync(join(directory, name), text);
  return join(directory, name);
};

describe('kernel settings', () => {
  const wanted: Record<string, string> = {
    'vm/overcommit_memory': '1',
    'vm/panic_on_oom': '0',
    'kernel/panic': '10',
    'kernel/panic_on_oops': '1',
    'kernel/keys/root_maxkeys': '1000000',
    'kernel/keys/root_maxbytes': '25000000',
  };
  const machine = (differing: Record<string, string> = {}) => {
    for (const folder of ['vm', 'kernel/keys']) mkdirSync(join(directory, folder), { recursive: true });
    for (const [name, value] of Object.entries({ ...wanted, ...differing })) file(name, `${value}\n`);
  };

  test('what differs is set', async () => {
    machine({ 'vm/overcommit_memory': '0', 'kernel/panic': '0' });
    await ensureKernelSettings(false, silentLogger, directory);
    for (const [name, value] of Object.entries(wanted)) expect(readFileSync(file(name), 'utf8').trim()).toBe(value);
  });

  test('protected: nothing is set, one sentence names all that differs', async () => {
    machine({ 'vm/overcommit_memory': '0', 'kernel/panic': '0' });
    await expect(ensureKernelSettings(true, silentLogger, directory)).rejects.toThrow(
      /^kernel settings do not fit: vm.overcommit_memory is 0 and must be 1; kernel.panic is 0 and must be 10; set them/,
    );
    expect(readFileSync(file('kernel/panic'), 'utf8')).toBe('0\n');
  });

  test('protected and all well: no complaint', async () => {
    machine();
    await expect(ensureKernelSettings(true, silentLogger, directory)).resolves.toBeUndefined();
  });

  test('a setting that the kernel does not have is named', async () => {
    machine();
    rmSync(file('kernel/keys/root_maxkeys'));
    await expect(ensureKernelSettings(false, silentLogger, directory)).rejects.toThrow(/kernel.keys.root_maxkeys/);
  });
});

describe('swap', () => {
  const header = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n';
  const one = `${header}/dev/sda2                               partition\t8388604\t\t0\t\t-2\n`;
  test.each<[string, boolean, string | undefined, RegExp | undefined]>([
    ['none', true, header, undefined],
    ['a kernel without swap', true, undefined, undefined],
    ['a device', true, one, /swap is on \(\/dev\/sda2\): .*failSwapOn/],
    ['a device, allowed', false, one, undefined],
  ])('%s', async (_name, failSwapOn, text, sentence) => {
    const answer = refuseSwap(failSwapOn, file('swaps', text));
    if (sentence) await expect(answer).rejects.toThrow(sentence);
    else await expect(answer).resolves.toBeUndefined();
  });
});

describe('the root directory as a shared mount', () => {
  const table = (...lines: string[]) => parseMountInfo(lines.join('\n'));
  const root = '22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw';
  test.each<[string, string[], boolean]>([
    ['on a shared root', [root], true],
    ['on a private root', ['22 1 8:1 / / rw - ext4 /dev/sda1 rw'], false],
    ['a private mount of its own', [root, '30 22 8:2 / /var/lib/kubelet rw - ext4 /dev/sdb rw'], false],
    ['a private mount above, nearer than the root', [root, '30 22 8:2 / /var rw - ext4 /dev/sdb rw'], false],
    ['a mount whose name only begins alike', [root, '30 22 8:2 / /var/lib/kube rw - ext4 /dev/sdb rw'], true],
    [
      'made shared by a bind mount over it',
      [
        root,
        '30 22 8:2 / /var/lib/kubelet rw - ext4 /dev/sdb rw',
        '31 30 8:2 / /var/lib/kubelet rw shared:9 - ext4 /dev/sdb rw',
      ],
      true,
    ],
  ])('%s: %#', (_name, lines, shared) => {
    expect(isShared(table(...lines), '/var/lib/kubelet')).toBe(shared);
  });

  const mounterWith = (lines: string[], fail?: Error) => {
    const requests: MountRequest[] = [];
    const mounter: Mounter = {
      mount: async (request) => {
        if (fail) throw fail;
        requests.push(request);
      },
      unmount: async () => {},
      list: async () => table(...lines),
      isMountPoint: async () => false,
    };
    return { mounter, requests };
  };

  test('it is bound on itself, then shared with all below', async () => {
    const { mounter, requests } = mounterWith(['22 1 8:1 / / rw - ext4 /dev/sda1 rw']);
    await shareRootDirectory('/var/lib/kubelet', mounter, silentLogger);
    expect(requests.map(({ target, flags }) => [target, flags])).toEqual([
      ['/var/lib/kubelet', 0x1000],
      ['/var/lib/kubelet', 0x104000],
    ]);
  });

  test('nothing is mounted where it is shared; a refusal is a sentence', async () => {
    const { mounter, requests } = mounterWith([root]);
    await shareRootDirectory('/var/lib/kubelet', mounter, silentLogger);
    expect(requests).toEqual([]);
    const refused = mounterWith(['22 1 8:1 / / rw - ext4 /dev/sda1 rw'], new Error('no permission'));
    await expect(shareRootDirectory('/r', refused.mounter, silentLogger)).rejects.toThrow(
      /\/r cannot be made a shared mount: no permission/,
    );
  });
});

describe('oom_score_adj', () => {
  test('is written', async () => {
    await adjustOomScore(-999, silentLogger, file('score', '0\n'));
    expect(readFileSync(file('score'), 'utf8')).toBe('-999');
  });

  test('that cannot be written is a warning', async () => {
    const lines: string[] = [];
    await adjustOomScore(-999, createLogger({ write: (line) => lines.push(line) }), '/proc/nowhere');
    expect(lines.join('')).toMatch(/^W.*oom_score_adj stays/);
  });
});

test.each([
  ['nameserver 127.0.0.53\noptions edns0', true],
  ['nameserver ::1', true],
  ['nameserver 127.0.0.53\nnameserver 10.0.0.1', false],
  ['search example.org', false],
])('loopback resolvers in %j: %s', async (text, loopback) => {
  expect(onlyLoopback(text)).toBe(loopback);
  const lines: string[] = [];
  await noteLoopbackResolver(file('resolv.conf', text), createLogger({ write: (line) => lines.push(line) }));
  expect(lines).toHaveLength(loopback ? 1 : 0);
});

/** Just enough iptables: chains and rules by table. */
class FakeIptables {
  readonly tables = new Map<string, string[]>();
  readonly calls: string[] = [];
  broken = false;

  readonly run: RunProgram = async (program, args) => {
    this.calls.push([program, ...args].join(' '));
    if (this.broken) return { code: 4, text: 'another app is currently holding the xtables lock' };
    const table = `${program}/${args[3]}`;
    const lines = this.tables.get(table) ?? [];
    this.tables.set(table, lines);
    const [verb = '', chain = '', ...rule] = args.slice(4);
    const line = `-A ${[chain, ...rule].join(' ')}`;
    const has = lines.includes(`-N ${chain}`);
    if (verb === '-N' && !has) lines.push(`-N ${chain}`);
    else if (verb === '-N') return { code: 1, text: 'iptables: Chain already exists.' };
    else if (verb === '-S' && !has) return { code: 1, text: 'No chain/target/match by that name.' };
    else if (verb === '-C' && !lines.includes(line)) return { code: 1, text: 'Bad rule' };
    else if (verb === '-A' || verb === '-I') lines.push(line);
    return { code: 0, text: '' };
  };
}

describe('iptables hints', () => {
  test('chains and rules of both families are made once', async () => {
    const iptables = new FakeIptables();
    for (let i = 0; i < 2; i++) {
      using hints = new IptablesHints(new ManualClock(), silentLogger, iptables.run);
      await hints.start();
    }
    const martians =
      '-A KUBE-FIREWALL -m comment --comment block incoming localnet connections --dst 127.0.0.0/8 ! --src 127.0.0.0/8' +
      ' -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP';
    expect(Object.fromEntries(iptables.tables)).toEqual({
      'iptables/mangle': ['-N KUBE-IPTABLES-HINT', '-N KUBE-KUBELET-CANARY'],
      'iptables/filter': [
        '-N KUBE-FIREWALL',
        '-A OUTPUT -j KUBE-FIREWALL',
        '-A INPUT -j KUBE-FIREWALL',
        martians,
        '-N KUBE-KUBELET-CANARY',
      ],
      'iptables/nat': ['-N KUBE-KUBELET-CANARY'],
      'ip6tables/mangle': ['-N KUBE-IPTABLES-HINT', '-N KUBE-KUBELET-CANARY'],
      'ip6tables/filter': ['-N KUBE-KUBELET-CANARY'],
      'ip6tables/nat': ['-N KUBE-KUBELET-CANARY'],
    });
  });

  test('after a flush they are made again within a minute', async () => {
    const iptables = new FakeIptables();
    const clock = new ManualClock();
    using hints = new IptablesHints(clock, silentLogger, iptables.run);
    await hints.start();
    const before = JSON.stringify([...iptables.tables]);
    for (const lines of iptables.tables.values()) lines.length = 0;
    await clock.advanceAsync(60_000);
    await until(() => JSON.stringify([...iptables.tables]) === before);
    const calls = iptables.calls.length;
    await clock.advanceAsync(60_000);
    await until(() => iptables.calls.length === calls + 2);
  });

  test('a machine without iptables, or with a broken one, only gets a note', async () => {
    const lines: string[] = [];
    const log = createLogger({ write: (line) => lines.push(line) });
    using none = new IptablesHints(new ManualClock(), log, async () => {
      throw Object.assign(new Error('spawn iptables ENOENT'), { code: 'ENOENT' });
    });
    await none.start();
    const broken = new FakeIptables();
    broken.broken = true;
    using held = new IptablesHints(new ManualClock(), log, broken.run);
    await held.start();
    expect(lines.filter((line) => line.startsWith('I') && line.includes('no iptables hint chains'))).toHaveLength(4);
    expect(lines).toHaveLength(4);
  });
});
