import { pem } from '../../config/certificates/der.ts';
import { pemBlocks } from '../../k8s/pem.ts';
import type { PodCertificateProjection, PodCertificateRequest, StoredPod } from '../../types/k8s.ts';

const MINUTE_MS = 60_000;
/** How long after its refresh was due a certificate is told of as overdue, in ms. */
export const OVERDUE_MS = 10 * MINUTE_MS;

/** One podCertificate source of one Pod's volume. */
export interface CertificateDemand {
  readonly pod: StoredPod;
  readonly volume: string;
  /** Its place among the volume's sources. */
  readonly index: number;
  readonly source: PodCertificateProjection;
}

/** What was issued, as the volume has it. */
export interface Credentials {
  /** PKCS #8 in PEM. */
  readonly key: string;
  /** PEM, certificates only. */
  readonly chain: string;
  /** Wall clock in ms at which they are to be asked for again; absent while new ones are on their way. */
  readonly refreshAt?: number;
}

/** The last certificate; times are wall clock in ms. `told`: Events that were made of it. */
export interface Issued {
  readonly key: string;
  readonly chain: string;
  readonly beginRefreshAt: number;
  readonly notAfter: number;
  readonly told: Set<string>;
}

/** A request that is not answered yet. `key`: PKCS #8 in PEM; `abandonAt`: wall clock in ms. */
export interface Pending {
  readonly key: string;
  /** `namespace/name` of the request. */
  readonly request: string;
  readonly abandonAt: number;
}

/** All that is known of one certificate; its owner changes it. */
export interface CertificateEntry {
  demand: CertificateDemand;
  version: number;
  issued?: Issued;
  pending?: Pending | undefined;
  ended?: { readonly state: 'denied' | 'failed'; readonly message: string };
  making?: Promise<void> | undefined;
  failures: number;
  timer?: Disposable | undefined;
}

/** As kubelet_podcertificate_states names them. */
export type CertificateState = 'not_yet_issued' | 'fresh' | 'overdue_for_refresh' | 'expired' | 'denied' | 'failed';

/** Kubelet's words while there is nothing to give. */
export function notYet({ pending, demand }: CertificateEntry): string {
  const what = pending ? ` (PodCertificateRequest ${pending.request}, signer ${demand.source.signerName})` : '';
  return `credential bundle is not issued yet${what}`;
}

/** How it stands at `wall` (ms). */
export function stateOf({ ended, issued }: CertificateEntry, wall: number): CertificateState {
  if (ended) return ended.state;
  if (!issued) return 'not_yet_issued';
  if (wall > issued.notAfter) return 'expired';
  return wall > issued.beginRefreshAt + OVERDUE_MS ? 'overdue_for_refresh' : 'fresh';
}

/** The certificate of an answered request. `jitter`: ms that its refresh is begun later than it may. */
export function issuedFrom(status: PodCertificateRequest['status'], key: string, jitter: number): Issued {
  return {
    key,
    chain: pemBlocks(status?.certificateChain ?? '')
      .map((block) => pem('CERTIFICATE', block))
      .join(''),
    beginRefreshAt: Date.parse(status?.beginRefreshAt ?? '') + jitter,
    notAfter: Date.parse(status?.notAfter ?? ''),
    told: new Set(),
  };
}

/** When it is to be looked at next, wall clock in ms: a request may be deleted, a certificate overdue or expired. undefined: never. */
export function dueAt({ issued, pending, ended }: CertificateEntry): number | undefined {
  if (ended) return undefined;
  const due = [
    ...(pending ? [pending.abandonAt] : []),
    ...(issued && !issued.told.has('overdue') ? [issued.beginRefreshAt + OVERDUE_MS] : []),
    ...(issued && !issued.told.has('expired') ? [issued.notAfter] : []),
  ].filter(Number.isFinite);
  return due.length === 0 ? undefined : Math.min(...due);
}
