import { Listeners } from '../../lib/disposables.ts';

/** `host:port`, an IPv6 host in brackets. */
export type Address = string;

/** More servers than a cluster has. */
const MOST = 64;

/**
 * The servers of the cluster, as far as they are known: the one that was joined, and those that it named. Whoever fails goes behind
 * the others, so that the next request finds one that answers.
 */
export class Servers {
  readonly #joined: string;
  readonly #changes = new Listeners<[]>();
  #supervisorPort: number;
  #apiPort: number;
  /** Hosts in the order in which they are asked. */
  #hosts: string[];

  /** `joined` is the URL of `--server`. */
  constructor(joined: URL) {
    this.#joined = joined.hostname;
    this.#hosts = [joined.hostname];
    this.#supervisorPort = Number(joined.port || 443);
    this.#apiPort = this.#supervisorPort;
  }

  /** Where the supervisors answer, the best first. */
  supervisors(): Address[] {
    return this.#hosts.map((host) => `${host}:${this.#supervisorPort}`);
  }

  /** Where the API servers answer, the best first. */
  apiServers(): Address[] {
    return this.#hosts.map((host) => `${host}:${this.#apiPort}`);
  }

  /** What the server's configuration says. In RKE2 the two differ. */
  setApiPort(port: number): void {
    this.#apiPort = port;
  }

  /**
   * Takes the list of `/v1-k3s/apiservers`. The server that was joined stays, as the last resort, unless it is in the list; an empty
   * list changes nothing.
   */
  update(addresses: readonly Address[]): void {
    const hosts = [...new Set(addresses.slice(0, MOST).flatMap((address) => hostOf(address) ?? []))];
    if (hosts.length === 0) return;
    const kept = this.#hosts.filter((host) => hosts.includes(host));
    const next = [...kept, ...hosts.filter((host) => !kept.includes(host))];
    if (!next.includes(this.#joined)) next.push(this.#joined);
    if (next.join() === this.#hosts.join()) return;
    const came = [...next].sort().join() !== [...this.#hosts].sort().join();
    this.#hosts = next;
    if (came) this.#changes.emit();
  }

  /** This one did not answer: the others are asked before it. */
  failed(address: Address): void {
    const host = hostOf(address);
    if (host === undefined || this.#hosts.length < 2 || !this.#hosts.includes(host)) return;
    this.#hosts = [...this.#hosts.filter((each) => each !== host), host];
  }

  /** Called after a server came or went. */
  onChange(listener: () => void): Disposable {
    return this.#changes.add(listener);
  }
}

/** The host of `host:port`, as a URL has it; undefined when that is no address. */
function hostOf(address: Address): string | undefined {
  const url = `https://${address}/`;
  if (!/^[\w.:[\]-]{1,300}$/.test(address) || !URL.canParse(url)) return undefined;
  return new URL(url).hostname;
}
