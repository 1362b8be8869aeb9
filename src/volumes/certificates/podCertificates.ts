// Certificates that are issued for Pods alone (PodCertificateRequests).
import type { ApiClient } from '../../api/client.ts';
import { Reflector } from '../../api/reflector.ts';
import { pem } from '../../config/certificates/der.ts';
import type { NodeEvent } from '../../events/event.ts';
import { goQuote } from '../../k8s/goText.ts';
import { pemBlocks } from '../../k8s/pem.ts';
import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, prefixErrors } from '../../lib/errors.ts';
import { KeyedListeners } from '../../lib/keyedListeners.ts';
import type { Logger } from '../../lib/logger.ts';
import { NameQueue } from '../../lib/nameQueue.ts';
import type { PodCertificateProjection, PodCertificateRequest, StoredPod } from '../../types/k8s.ts';
import { PayloadError } from '../rules/payload.ts';
import { newPodKey } from './keys.ts';
import { certificateKey } from './names.ts';

const MINUTE_MS = 60_000;
/** A request that the watch does not show this long (and up to five minutes more) after it was made has been deleted. */
const ASSUME_DELETED_MS = 10 * MINUTE_MS;
const OVERDUE_MS = 10 * MINUTE_MS;
const JITTER_MS = 5 * MINUTE_MS;
/** Between attempts to ask for a new certificate while the old one serves. */
const AGAIN: BackoffPolicy = { initialMs: 1_000, maxMs: 1_000_000, jitter: 0.2 };

/** One podCertificate source of one Pod's volume. */
export interface CertificateDemand {
  readonly pod: StoredPod;
  readonly volume: string;
  /** Its place among the volume's sources. */
  readonly index: number;
  readonly source: PodCertificateProjection;
}

export interface Credentials {
  /** PKCS #8 in PEM. */
  readonly key: string;
  /** PEM, certificates only. */
  readonly chain: string;
  /** Wall clock in ms at which they are to be asked for again; absent while new ones are on their way. */
  readonly refreshAt?: number;
}

interface Issued {
  readonly key: string;
  readonly chain: string;
  readonly beginRefreshAt: number;
  readonly notAfter: number;
  readonly told: Set<string>;
}

interface Pending {
  readonly key: string;
  /** `namespace/name` of the request. */
  readonly request: string;
  readonly abandonAt: number;
}

interface Entry {
  demand: CertificateDemand;
  version: number;
  issued?: Issued;
  pending?: Pending | undefined;
  ended?: { readonly state: 'denied' | 'failed'; readonly message: string };
  making?: Promise<void> | undefined;
  failures: number;
  timer?: Disposable | undefined;
}

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

export type CertificateState = 'not_yet_issued' | 'fresh' | 'overdue_for_refresh' | 'expired' | 'denied' | 'failed';

/**
 * Asks for a certificate when a volume first needs it, and for the next one before it expires. Keys are made here and are only in memory
 * and in the volumes: after a restart all are asked for anew, while volumes keep what they have.
 */
export class PodCertificates implements Disposable {
  readonly #options: PodCertificatesOptions;
  readonly #entries = new Map<string, Entry>();
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
    const entry: Entry = this.#entries.get(key) ?? { demand, version: 0, failures: 0 };
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
  #request(key: string, entry: Entry): Promise<void> {
    entry.making ??= this.#queue
      .run(entry.demand.pod.metadata.uid, async () => {
        if (this.#entries.get(key) === entry) await this.#make(key, entry);
      })
      .finally(() => {
        entry.making = undefined;
      });
    return entry.making;
  }

  async #make(key: string, entry: Entry): Promise<void> {
    const { client, nodeName, nodeUid, clock } = this.#options;
    const { pod, source } = entry.demand;
    const { namespace, name, uid } = pod.metadata;
    const serviceAccountName = pod.spec.serviceAccountName ?? '';
    const account = await prefixErrors('while fetching service account', () =>
      client.get('ServiceAccount', { namespace, name: serviceAccountName }),
    );
    const node = nodeUid();
    if (node === undefined) throw new Error(`while getting node object from local cache: node "${nodeName}" not found`);
    const kind = entry.issued ? 'refresh' : 'initial';
    const made = await prefixErrors(`while creating ${kind} PodCertificateRequest`, async () => {
      const pair = await newPodKey(source.keyType);
      const request = await prefixErrors('while creating on API', () =>
        client.create('PodCertificateRequest', {
          metadata: {
            ...{ namespace, generateName: 'req-' },
            ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid }],
          },
          spec: {
            ...{ signerName: source.signerName, podName: name, podUID: uid, nodeName, nodeUID: node },
            ...{ serviceAccountName, serviceAccountUID: account.metadata?.uid ?? '' },
            ...(source.maxExpirationSeconds === undefined ? {} : { maxExpirationSeconds: source.maxExpirationSeconds }),
            stubPKCS10Request: pair.proof.toString('base64'),
            ...(source.userAnnotations ? { unverifiedUserAnnotations: source.userAnnotations } : {}),
          },
        }),
      );
      return { pair, request };
    });
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

  #answered(key: string, entry: Entry, id: string, { status }: PodCertificateRequest): void {
    const answer = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed' || type === 'Issued');
    if (!answer) return;
    const { type, reason = '', message = '' } = answer;
    if (type === 'Issued') {
      entry.issued = {
        key: entry.pending!.key,
        chain: pemBlocks(status?.certificateChain ?? '')
          .map((block) => pem('CERTIFICATE', block))
          .join(''),
        beginRefreshAt: Date.parse(status?.beginRefreshAt ?? '') + this.#jitter(),
        notAfter: Date.parse(status?.notAfter ?? ''),
        told: new Set(),
      };
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
  #arm(key: string, entry: Entry): void {
    entry.timer?.[Symbol.dispose]();
    entry.timer = undefined;
    const { issued, pending, ended } = entry;
    if (ended) return;
    const { clock } = this.#options;
    const { wall } = clock.now();
    const due = [
      ...(pending ? [pending.abandonAt] : []),
      ...(issued && !issued.told.has('overdue') ? [issued.beginRefreshAt + OVERDUE_MS] : []),
      ...(issued && !issued.told.has('expired') ? [issued.notAfter] : []),
    ].filter(Number.isFinite);
    if (due.length === 0) return;
    entry.timer = clock.setTimer(Math.min(...due) - wall + 1, () => this.#look(key, entry));
  }

  #look(key: string, entry: Entry): void {
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

function notYet({ pending, demand }: Entry): string {
  const what = pending ? ` (PodCertificateRequest ${pending.request}, signer ${demand.source.signerName})` : '';
  return `credential bundle is not issued yet${what}`;
}

function stateOf({ ended, issued }: Entry, wall: number): CertificateState {
  if (ended) return ended.state;
  if (!issued) return 'not_yet_issued';
  if (wall > issued.notAfter) return 'expired';
  return wall > issued.beginRefreshAt + OVERDUE_MS ? 'overdue_for_refresh' : 'fresh';
}
