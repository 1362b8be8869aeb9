// Trust anchors of the cluster for projected volumes (ClusterTrustBundles).
import { createHmac, randomBytes } from 'node:crypto';
import { isNotFound } from '../../api/apiError.ts';
import type { ApiClient } from '../../api/client.ts';
import { Reflector } from '../../api/reflector.ts';
import { pem } from '../../config/certificates/der.ts';
import { matchesLabels } from '../../k8s/labelSelector.ts';
import { pemBlocks } from '../../k8s/pem.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import { KeyedListeners } from '../../lib/keyedListeners.ts';
import { LruMap } from '../../lib/lru.ts';
import type { ClusterTrustBundle, ClusterTrustBundleProjection } from '../../types/k8s.ts';
import { PayloadError } from '../rules/payload.ts';

/** What the Go kubelet says of a cluster or node that has none, and of one whose gate is off. */
const NO_TRUST_BUNDLES = 'ClusterTrustBundle projection is not supported in static kubelet mode';

/** What was made is kept for the next Pod, so many sources and bytes of it: Pods choose selectors, and each gives a copy of its own. */
const MAX_MADE = 256;
const MAX_MADE_BYTES = 4 * 1024 * 1024;

interface Made {
  readonly turn: number;
  readonly anchors: Buffer;
}

type BundleKind = 'ClusterTrustBundle' | 'ClusterTrustBundleAlpha';

/** All bundles of the cluster, read from when a Pod first asks: as v1beta1, or as v1alpha1 where the API server has only that. */
export class TrustBundles implements Disposable {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #changes = new KeyedListeners();
  readonly #readers = new Map<BundleKind, Reflector<BundleKind>>();
  readonly #missing = new Set<BundleKind>();
  readonly #turns = new Map<string, number>();
  #made = new LruMap<string, Made>(MAX_MADE);
  #madeBytes = 0;
  /** The order of anchors is no promise: it is another one in each process. */
  readonly #order = randomBytes(16);
  #turn = 0;

  constructor(client: ApiClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Each anchor once, as PEM. Throws in kubelet's words while there is none; an optional source is empty then. */
  anchors(source: ClusterTrustBundleProjection): Uint8Array {
    this.#start();
    const { name, signerName, labelSelector, optional = false } = source;
    if (name === undefined && signerName === undefined)
      throw new PayloadError('ClusterTrustBundle projection requires either name or signerName to be set');
    const bundles = this.#all();
    if (!bundles)
      throw new PayloadError(
        this.#missing.size === 2 ? NO_TRUST_BUNDLES : 'ClusterTrustBundle informer has not yet synced',
      );
    const key = JSON.stringify([name, signerName, labelSelector]);
    const made = this.#made.get(key);
    if (made?.turn === this.#turn) return made.anchors;
    const found = select(bundles, source);
    if (found.length === 0) {
      if (optional) return Buffer.alloc(0);
      throw new PayloadError(
        name === undefined
          ? 'combination of signerName and labelSelector matched zero ClusterTrustBundles'
          : `while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "${name}" not found`,
      );
    }
    const anchors = this.#normalized(found);
    this.#keep(key, anchors);
    return anchors;
  }

  /** Another one after each change of what the key (`bundleKey`) names; undefined while nothing was read. */
  version(key: string): string | undefined {
    return this.#all() && String(this.#turns.get(key) ?? 0);
  }

  subscribe(key: string, listener: () => void): Disposable {
    this.#start();
    return this.#changes.add(key, listener);
  }

  [Symbol.dispose](): void {
    for (const reader of this.#readers.values()) reader[Symbol.dispose]();
  }

  #all(): readonly ClusterTrustBundle[] | undefined {
    const read = [...this.#readers.values()].find((reader) => reader.synced());
    return read && [...read.objects().values()];
  }

  #start(): void {
    if (this.#readers.size === 0) this.#read('ClusterTrustBundle');
  }

  #read(kind: BundleKind): void {
    const changed = ({ metadata, spec }: ClusterTrustBundle) => {
      this.#turn++;
      for (const key of [`name ${metadata?.name}`, `signer ${spec.signerName ?? ''}`]) {
        this.#turns.set(key, this.#turn);
        if (reader.synced()) this.#changes.emit(key);
      }
    };
    let first = true;
    const reader: Reflector<BundleKind> = new Reflector<BundleKind>(
      this.#client,
      kind,
      {},
      {
        onAdd: changed,
        onUpdate: (bundle, old) => {
          changed(bundle);
          if (old.spec.signerName !== bundle.spec.signerName) changed(old);
        },
        onDelete: changed,
        onSync: () => {
          if (first) this.#found(kind);
          first = false;
        },
        onState: (state) => {
          if (state.state !== 'retrying' || !isNotFound(state.error) || this.#missing.has(kind)) return;
          this.#missing.add(kind);
          if (kind === 'ClusterTrustBundle') this.#read('ClusterTrustBundleAlpha');
          this.#changes.emitAll();
        },
      },
      { clock: this.#clock },
    );
    this.#readers.set(kind, reader);
    reader.start();
  }

  /** One version is enough; the other one is not asked for any more. */
  #found(kind: BundleKind): void {
    this.#missing.delete(kind);
    for (const [other, reader] of this.#readers) {
      if (other === kind) continue;
      reader[Symbol.dispose]();
      this.#readers.delete(other);
    }
    this.#turn++;
    this.#changes.emitAll();
  }

  #keep(key: string, anchors: Buffer): void {
    this.#madeBytes += anchors.length;
    if (this.#madeBytes > MAX_MADE_BYTES) {
      this.#made = new LruMap(MAX_MADE);
      this.#madeBytes = anchors.length;
    }
    this.#made.set(key, { turn: this.#turn, anchors });
  }

  #normalized(bundles: readonly ClusterTrustBundle[]): Buffer {
    const anchors = new Map<string, string>();
    for (const { spec } of bundles)
      for (const block of pemBlocks(spec.trustBundle)) {
        const place = createHmac('sha256', this.#order).update(block).digest('hex');
        if (!anchors.has(place)) anchors.set(place, pem('CERTIFICATE', block));
      }
    return Buffer.from(
      [...anchors]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, text]) => text)
        .join(''),
    );
  }
}

function select(
  bundles: readonly ClusterTrustBundle[],
  { name, signerName, labelSelector }: ClusterTrustBundleProjection,
): readonly ClusterTrustBundle[] {
  if (name !== undefined) return bundles.filter(({ metadata }) => metadata?.name === name);
  try {
    return bundles.filter(
      ({ metadata, spec }) => spec.signerName === signerName && matchesLabels(labelSelector, metadata?.labels),
    );
  } catch (error) {
    throw new PayloadError(`while parsing label selector: ${errorMessage(error)}`);
  }
}
