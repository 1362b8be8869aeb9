// Certificates that are issued for Pods alone (PodCertificateRequests).
import type { ApiClient } from '../../api/client.ts';
import { Reflector } from '../../api/reflector.ts';
import type { NodeEvent } from '../../events/event.ts';
import { goQuote } from '../../k8s/goText.ts';
import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import { KeyedListeners } from '../../lib/keyedListeners.ts';
import type { Logger } from '../../lib/logger.ts';
import { NameQueue } from '../../lib/nameQueue.ts';
import type { PodCertificateRequest, StoredPod } from '../../types/k8s.ts';
import { PayloadError } from '../rules/payload.ts';
import {
  type CertificateDemand,
  type CertificateEntry,
  type CertificateState,
  type Credentials,
  dueAt,
  issuedFrom,
  notYet,
  OVERDUE_MS,
  stateOf,
} from './certificateEntry.ts';
import { certificateKey } from './names.ts';
import { requestPodCertificate } from './requestPodCertificate.ts';

const MINUTE_MS = 60_000;
/** A request that the watch does not show this long (and up to five minutes more) after it was made has been deleted. */
const ASSUME_DELETED_MS = 10 * MINUTE_MS;
const JITTER_MS = 5 * MINUTE_MS;
/** Between attempts to ask for a new certificate while the old one serves. */
const AGAIN: BackoffPolicy = { initialMs: 1_000, maxMs: 1_000_000, jitter: 0.2 };

/** Who asks, and who hears of what came. */
export interface PodCertificatesOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  /** Undefined while the Node was not read. */
  nodeUid(): string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  random(): number;
  /** An Event of a Pod. */
  onEvent(pod: StoredPod, event: NodeEvent): void;
}

/**
 * Asks for a certificate when a volume first needs it, and for the next one before it expires. Keys are made here and are only in memory
 * and in the volumes: after a restart all are asked for anew, while volumes keep what they have.
 */
export class PodCertificates implements Disposable {
  readonly #options: PodCertificatesOptions;
  readonly #entries = new Map<string, CertificateEntry>();
  readonly #changes = new KeyedListeners();
  /** By Pod: one that wants thousands asks for one after the other, and others come in between. */
  readonly #queue = new NameQueue();
  #requests: Reflector<'PodCertificateRequest'> | undefined;

  constructor(options: PodCertificatesOptions) {
    this.#options = options;
  }

  /** What was issued last. Rejects in kubelet's words while nothing was, or when it was refused for good. */
  async get(demand: CertificateDemand): Promise<Credentials> {
    const key = certificateKey(demand);
    const entry: CertificateEntry = this.#entries.get(key) ?? { demand, version: 0, failures: 0 };
    this.#entries.set(key, entry);
    entry.demand = demand;
    this.#watch();
    if (entry.ended) throw new PayloadError(entry.ended.message);
    const { wall } = this.#options.clock.now();
    const { issued } = entry;
    const isDue = !issued || wall >= issued.beginRefreshAt;
    let again: number | undefined = issued?.beginRefreshAt;
    if (isDue && !entry.pending) {
      try {
        await this.#request(key, entry);
      } catch (error) {
        if (!issued) throw new PayloadError(errorMessage(error));
        again = wall + backoffDelay(AGAIN, entry.failures++, this.#options.random());
      }
    }
    // The answer may have come before the request's own.
    const now = entry.issued;
    if (!now) throw new PayloadError(notYet(entry));
    if (now !== issued) again = now.beginRefreshAt;
    return { key: now.key, chain: now.chain, ...(entry.pending || again === undefined ? {} : { refreshAt: again }) };
  }

  /** Another one after each answer to what was asked for (`certificateKey`); undefined while nothing was. */
  version(key: string): string | undefined {
    const version = this.#entries.get(key)?.version;
    return version ? String(version) : undefined;
  }

  subscribe(key: string, listener: () => void): Disposable {
    return this.#changes.add(key, listener);
  }

  /** Forgets the keys of a Pod that is gone. */
  forget(podUid: string): void {
    for (const [key, entry] of this.#entries)
      if (entry.demand.pod.metadata.uid === podUid) {
        entry.timer?.[Symbol.dispose]();
        this.#entries.delete(key);
      }
  }

  /** How each stands, with its signer. */
  states(): { readonly signer: string; readonly state: CertificateState }[] {
    const { wall } = this.#options.clock.now();
    return [...this.#entries.values()].map((entry) => ({
      signer: entry.demand.source.signerName,
      state: stateOf(entry, wall),
    }));
  }

  [Symbol.dispose](): void {
    this.#requests?.[Symbol.dispose]();
    for (const { timer } of this.#entries.values()) timer?.[Symbol.dispose]();
  }

  #watch(): void {
    if (this.#requests) return;
    const { client, nodeName, clock } = this.#options;
    const seen = (request: PodCertificateRequest) => this.#seen(request);
    const selector = { fieldSelector: `spec.nodeName=${nodeName}` };
    this.#requests = new Reflector(
      client,
      'PodCertificateRequest',
      selector,
      { onAdd: seen, onUpdate: seen },
      { clock },
    );
    this.#requests.start();
  }

  /** At most one request for each at a time. */
  #request(key: string, entry: CertificateEntry): Promise<void> {
    entry.making ??= this.#queue
      .run(entry.demand.pod.metadata.uid, async () => {
        if (this.#entries.get(key) === entry) await this.#make(key, entry);
      })
      .finally(() => {
        entry.making = undefined;
      });
    return entry.making;
  }

  async #make(key: string, entry: CertificateEntry): Promise<void> {
    const { clock } = this.#options;
    const { namespace } = entry.demand.pod.metadata;
    const made = await requestPodCertificate(this.#options, entry.demand, entry.issued ? 'refresh' : 'initial');
    if (this.#entries.get(key) !== entry) return;
    const { metadata } = made.request;
    const id = `${namespace}/${metadata?.name ?? ''}`;
    entry.failures = 0;
    entry.pending = {
      key: made.pair.key,
      request: id,
      abandonAt: clock.now().wall + ASSUME_DELETED_MS + this.#jitter(),
    };
    this.#arm(key, entry);
    // The watch may have been faster than the answer.
    const known = this.#requests?.objects().get(id);
    if (known) this.#seen(known);
  }

  #seen(request: PodCertificateRequest): void {
    const { namespace = '', name = '' } = request.metadata ?? {};
    const id = `${namespace}/${name}`;
    const found = [...this.#entries].find(([, { pending }]) => pending?.request === id);
    if (found) this.#answered(...found, id, request);
  }

  #answered(key: string, entry: CertificateEntry, id: string, { status }: PodCertificateRequest): void {
    const answer = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed' || type === 'Issued');
    if (!answer) return;
    const { type, reason = '', message = '' } = answer;
    if (type === 'Issued') {
      entry.issued = issuedFrom(status, entry.pending!.key, this.#jitter());
    } else {
      const detail = `reason=${goQuote(reason)} message=${goQuote(message)}`;
      const denied = type === 'Denied';
      const state = denied ? 'denied' : 'failed';
      entry.ended = { state, message: `PodCertificateRequest was permanently ${state}: ${detail}` };
      const words = `PodCertificateRequest ${id} ${denied ? 'was denied' : 'failed'}, reason=${goQuote(reason)}, message=${goQuote(message)}`;
      this.#options.onEvent(entry.demand.pod, { type: 'Warning', reason: type, message: words });
    }
    entry.pending = undefined;
    entry.version++;
    this.#arm(key, entry);
    this.#changes.emit(key);
  }

  /** One timer for what comes next: a request that was deleted, a certificate that is overdue or has expired. */
  #arm(key: string, entry: CertificateEntry): void {
    entry.timer?.[Symbol.dispose]();
    entry.timer = undefined;
    const { clock } = this.#options;
    const due = dueAt(entry);
    if (due === undefined) return;
    entry.timer = clock.setTimer(due - clock.now().wall + 1, () => this.#look(key, entry));
  }

  #look(key: string, entry: CertificateEntry): void {
    const { clock, log, onEvent } = this.#options;
    const { wall } = clock.now();
    const { issued, pending, demand } = entry;
    const tell = (what: string, reason: string, message: string) => {
      issued!.told.add(what);
      onEvent(demand.pod, { type: 'Warning', reason, message });
    };
    if (issued && wall > issued.beginRefreshAt + OVERDUE_MS && !issued.told.has('overdue'))
      tell('overdue', 'CertificateOverdueForRefresh', 'PodCertificate refresh overdue');
    if (issued && wall > issued.notAfter && !issued.told.has('expired'))
      tell('expired', 'CertificateExpired', 'PodCertificate expired');
    if (pending && wall > pending.abandonAt) {
      const { request, abandonAt } = pending;
      if (this.#requests?.objects().has(request) || !this.#requests?.synced()) {
        // It is there and nobody has answered it: looked at again as often as kubelet does.
        entry.pending = { ...pending, abandonAt: Math.max(abandonAt, wall) + MINUTE_MS };
      } else {
        log.warn('PodCertificateRequest appears to have been deleted', { request, pod: demand.pod.metadata.name });
        entry.pending = undefined;
        entry.version++;
        this.#changes.emit(key);
      }
    }
    this.#arm(key, entry);
  }

  /** So that not all Pods of a node ask at the same time. */
  #jitter(): number {
    return Math.floor(this.#options.random() * JITTER_MS);
  }
}
