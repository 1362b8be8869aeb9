import { execFile } from 'node:child_process';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

/** Runs a program; resolves with its exit code and what it wrote. Rejects when it cannot be started. */
export type RunProgram = (program: string, args: readonly string[]) => Promise<{ code: number; text: string }>;

const PERIOD_MS = 60_000;
const HINT = 'KUBE-IPTABLES-HINT';
const FIREWALL = 'KUBE-FIREWALL';
const CANARY = 'KUBE-KUBELET-CANARY';
const CANARY_TABLES = ['mangle', 'nat', 'filter'];
/** Waits for xtables' lock, as kubelet does: kube-proxy and CNI plugins hold it often. */
const WAIT = ['-w', '5'];

/** kube-proxy's route_localnet would open services on loopback to the network (kubernetes issue 90259); the rule is kube-proxy's too. */
const MARTIANS = [
  ...['-m', 'comment', '--comment', 'block incoming localnet connections'],
  ...['--dst', '127.0.0.0/8', '!', '--src', '127.0.0.0/8'],
  ...['-m', 'conntrack', '!', '--ctstate', 'RELATED,ESTABLISHED,DNAT', '-j', 'DROP'],
];

/**
 * Keeps the chains by which others see which iptables (legacy or nft) this node uses, and the rule against forged loopback packets
 * (makeIPTablesUtilChains). Somebody's flush takes the canary chain along, and then all is made again within a minute. A machine without
 * iptables, or with nftables alone, needs none of it: that is only noted.
 */
export class IptablesHints implements Disposable {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #run: RunProgram;
  #timers: Disposable[] = [];
  #live = true;

  constructor(clock: Clock, log: Logger, run: RunProgram = runProgram) {
    this.#clock = clock;
    this.#log = log;
    this.#run = run;
  }

  /** Makes the chains of both families and watches them. Never rejects. */
  async start(): Promise<void> {
    await Promise.all(['iptables', 'ip6tables'].map((program) => this.#family(program)));
  }

  [Symbol.dispose](): void {
    this.#live = false;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers = [];
  }

  async #family(program: string): Promise<void> {
    try {
      await this.#make(program);
      this.#watch(program);
    } catch (error) {
      // Kubelet needs none of this itself, and a machine with nftables only has nobody who does.
      this.#log.info('no iptables hint chains', { program, error });
    }
  }

  #watch(program: string): void {
    if (!this.#live) return;
    const timer = this.#clock.setTimer(PERIOD_MS, () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
      void this.#look(program);
    });
    this.#timers.push(timer);
  }

  async #look(program: string): Promise<void> {
    try {
      const { code } = await this.#run(program, [...WAIT, '-t', 'mangle', '-S', CANARY]);
      if (code !== 0 && this.#live) {
        this.#log.info('the iptables rules were flushed; the hint chains are made again', { program });
        await this.#make(program);
      }
    } catch (error) {
      this.#log.warn('the iptables hint chains cannot be kept', { program, error });
    }
    this.#watch(program);
  }

  async #make(program: string): Promise<void> {
    await this.#chain(program, 'mangle', HINT);
    if (program === 'iptables') {
      await this.#chain(program, 'filter', FIREWALL);
      await this.#rule(program, '-I', 'OUTPUT', ['-j', FIREWALL]);
      await this.#rule(program, '-I', 'INPUT', ['-j', FIREWALL]);
      await this.#rule(program, '-A', FIREWALL, MARTIANS);
    }
    for (const table of CANARY_TABLES) await this.#chain(program, table, CANARY);
  }

  async #chain(program: string, table: string, chain: string): Promise<void> {
    const made = await this.#run(program, [...WAIT, '-t', table, '-N', chain]);
    if (made.code === 0) return;
    const there = await this.#run(program, [...WAIT, '-t', table, '-S', chain]);
    if (there.code !== 0) throw failure(program, `the chain ${chain} of table ${table}`, made);
  }

  async #rule(program: string, verb: '-A' | '-I', chain: string, rule: readonly string[]): Promise<void> {
    const base = [...WAIT, '-t', 'filter'];
    if ((await this.#run(program, [...base, '-C', chain, ...rule])).code === 0) return;
    const made = await this.#run(program, [...base, verb, chain, ...rule]);
    if (made.code !== 0) throw failure(program, `a rule in ${chain}`, made);
  }
}

function failure(program: string, what: string, { code, text }: { code: number; text: string }): Error {
  return new Error(`${program} cannot make ${what} (exit code ${code}): ${text.trim().slice(0, 300)}`);
}

function runProgram(program: string, args: readonly string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (!error) resolve({ code: 0, text: stdout });
      else if (typeof error.code === 'number') resolve({ code: error.code, text: stderr || stdout });
      else reject(error);
    });
  });
}
