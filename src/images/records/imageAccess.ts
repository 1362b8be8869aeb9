import { goQuote } from '../../k8s/goText.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { NameQueue } from '../../lib/nameQueue.ts';
import { inGroups } from '../../lib/settleAll.ts';
import { credentialHash } from '../credentialHash.ts';
import {
  type AccessResult,
  judgeImage,
  judgePod,
  type PodCredentials,
  type Verification,
} from '../rules/imageAccess.ts';
import { NOBODY } from '../rules/mergeCredentials.ts';
import type { ImageCredentials, RecordedSecret } from '../rules/pullRecord.ts';
import type { RegistryLogin } from '../types.ts';
import type { PullRecords } from './pullRecords.ts';

/** How the runtime is asked for an image's id; undefined: it does not have it. */
export type FindImage = () => Promise<string | undefined>;

/** One pull that was announced; exactly one of the two is to be called. */
export interface PullNote {
  /** `login`: what the registry accepted; undefined: nothing was needed. */
  succeeded(imageRef: string, login: RegistryLogin | undefined): Promise<void>;
  /** `isSettled`: the runtime said no; otherwise (a deadline, a lost connection, an abort) it may have the image yet. */
  failed(isSettled: boolean): Promise<void>;
}

export interface ImageAccessOptions {
  readonly records: PullRecords;
  readonly verification: Verification;
  /** Asks the runtime for an image by the name of a Pod's spec. */
  readonly find: (image: string) => Promise<string | undefined>;
  /** The ids of all images that the runtime has. */
  readonly list: () => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onResult?: (result: AccessResult) => void;
}

interface Flight {
  pulls: number;
  succeeded: boolean;
  isSettled: boolean;
  /** The image's id before; a pull that failed and left it so has brought nothing. */
  readonly before: Promise<Before>;
}

/** undefined: not known. */
type Before = { readonly id: string | undefined } | undefined;

/** A pull of which nobody knows whether it brought something. Since: monotonic ms. */
interface Doubt {
  readonly before: Promise<Before>;
  readonly since: number;
}

/** A runtime that was told to stop is given this long, before what it has counts. */
const DOUBT_MS = 30_000;
/** Questions to the runtime in one round. */
const DOUBTS_A_ROUND = 100;
/** So often the runtime is asked what earlier processes' pulls have brought, before other images are given out without that. */
const OLD_ROUNDS = 3;
/** Questions at the same time, where somebody waits for the answers. */
const DOUBTS_AT_ONCE = 8;
/** How often records of images that are gone are removed; kubelet's period of image garbage collection. */
const PRUNE_MS = 300_000;

/**
 * Who may use an image that is there (KubeletEnsureSecretPulledImages, KEP-2535). That an image is about to be pulled is on the disk before
 * the runtime hears of it, and stays there until it is written down with whose credentials it came, or the runtime has said that it does
 * not have it: whenever this process is killed, an image that a tenant's credentials brought is never taken for one that everybody may use.
 */
export class ImageAccess {
  readonly #options: ImageAccessOptions;
  readonly #lock = new NameQueue();
  readonly #flights = new Map<string, Flight>();
  /** By image; intents that an earlier process left are in doubt from the start. */
  readonly #doubts = new Map<string, Doubt>();
  #prunedAt: number | undefined;
  #adopted: Promise<void> | undefined;
  #oldRounds = 0;

  constructor(options: ImageAccessOptions) {
    this.#options = options;
  }

  /** How many pulls are neither under way nor written down. */
  get doubts(): number {
    return this.#doubts.size;
  }

  /**
   * Whether a Pod may use `image` (as its spec names it), which the runtime has as `imageRef`, without asking the registry. `logins`:
   * what the Pod can show, asked for only if it counts. Rejects as `logins` does.
   */
  async mayUse(image: string, imageRef: string, logins: () => Promise<readonly RegistryLogin[]>): Promise<boolean> {
    const result = await this.#judge(image, imageRef, logins);
    this.#options.onResult?.(result);
    return result === 'credentialPolicyAllowed' || result === 'credentialRecordFound';
  }

  async #judge(
    image: string,
    imageRef: string,
    logins: () => Promise<readonly RegistryLogin[]>,
  ): Promise<AccessResult> {
    const { records, verification, log } = this.#options;
    let judged: AccessResult | ImageCredentials;
    try {
      // The intent is looked at first: it goes only when the record is there.
      const isPulling = records.hasIntent(image);
      judged = judgeImage(image, await records.record(imageRef), isPulling || records.hasIntent(image), verification);
    } catch (error) {
      log.error('Unable to access cache records about image pulls', { image, imageRef, error: errorMessage(error) });
      return 'error';
    }
    // Its absence from the records says something only when no pull of an earlier process is open.
    if (judged === 'credentialPolicyAllowed' && this.#mustAdopt()) {
      await this.#resolveOld();
      return this.#mustAdopt() ? 'error' : this.#judge(image, imageRef, logins);
    }
    if (typeof judged === 'string') return judged;
    const { result, learned } = judgePod(judged, podCredentials(await logins()));
    if (learned) await this.#learn(image, imageRef, { ...NOBODY, secrets: [learned] });
    return result;
  }

  /** Something may be in the runtime that nobody knows the owner of, under whatever name. */
  #mustAdopt(): boolean {
    const { records, verification } = this.#options;
    if (verification.policy !== 'NeverVerifyPreloadedImages') return false;
    if (!this.#adopted) return records.size.intents > 0;
    return [...this.#doubts.values()].some(isOld);
  }

  /** What an earlier process did not bring to an end is in doubt. */
  #adopt(): Promise<void> {
    this.#adopted ??= this.#options.records.intents().then((images) => {
      for (const image of images)
        if (!this.#flights.has(image) && !this.#doubts.has(image)) this.#doubts.set(image, OLD);
    });
    return this.#adopted;
  }

  async #resolveOld(): Promise<void> {
    await this.#adopt();
    const old = [...this.#doubts].filter(([, doubt]) => isOld(doubt));
    await inGroups(old, DOUBTS_AT_ONCE, ([image, doubt]) => this.#resolveDoubt(image, doubt));
    this.#oldRounds += 1;
    if (this.#oldRounds < OLD_ROUNDS) return;
    // One name that the runtime cannot be asked about must not keep every Pod of the node out.
    for (const [image, { since, before }] of this.#doubts)
      if (since === OLD.since) this.#doubts.set(image, { before, since: this.#options.clock.now().mono });
  }

  async #resolveDoubt(image: string, { before }: Doubt): Promise<void> {
    await this.#lock.run(image, async () => {
      // A pull that is under way will say itself how it ended; another question may have had the answer.
      if (!this.#flights.has(image) && this.#doubts.has(image))
        await this.#resolve(image, before, () => this.#options.find(image));
    });
  }

  async #learn(image: string, imageRef: string, credentials: ImageCredentials): Promise<boolean> {
    const { records, log } = this.#options;
    try {
      await records.learn(image, imageRef, credentials);
      return true;
    } catch (error) {
      log.error('failed to write image pulled record', { image, imageRef, error: errorMessage(error) });
      return false;
    }
  }

  /** Writes down that `image` is going to be pulled. Rejects with kubelet's sentence when it cannot be: then it must not be pulled. */
  async begin(image: string, find: FindImage): Promise<PullNote> {
    const flight = this.#flights.get(image) ?? this.#takeOff(image, find);
    flight.pulls += 1;
    try {
      await this.#lock.run(image, () => this.#options.records.writeIntent(image));
      await flight.before;
    } catch (error) {
      await this.#land(image, flight, find);
      const message = `Failed to record image pull intent for container image ${goQuote(image)}: failed to record image pull intent: ${errorMessage(error)}`;
      throw new KubeletError(message, { code: 'ErrImagePull', cause: error });
    }
    return {
      succeeded: async (imageRef, login) => {
        const written = await this.#learn(image, imageRef, credentialsOf(login));
        if (written) flight.succeeded = true;
        else flight.isSettled = false;
        await this.#land(image, flight, find);
      },
      failed: async (isSettled) => {
        if (!isSettled) flight.isSettled = false;
        await this.#land(image, flight, find);
      },
    };
  }

  /** What a pull without a known end has brought since is not what was there before. */
  #takeOff(image: string, find: FindImage): Flight {
    const doubt = this.#doubts.get(image);
    const isOpen = doubt !== undefined || this.#options.records.hasIntent(image);
    const before = isOpen ? (doubt?.before ?? unknown) : idOf(find);
    const flight = { pulls: 0, succeeded: false, isSettled: true, before };
    this.#flights.set(image, flight);
    return flight;
  }

  /** The last one who wanted it makes the intent go, or a doubt of it. */
  async #land(image: string, flight: Flight, find: FindImage): Promise<void> {
    flight.pulls -= 1;
    if (flight.pulls > 0) return;
    this.#flights.delete(image);
    // At once: a pull that begins meanwhile has to know what was there before this one.
    if (!flight.succeeded) this.#doubts.set(image, { before: flight.before, since: this.#options.clock.now().mono });
    if (!flight.succeeded && !flight.isSettled) return;
    await this.#lock.run(image, async () => {
      if (this.#flights.has(image)) return;
      if (flight.succeeded) await this.#forget(image);
      else await this.#resolve(image, flight.before, find);
    });
  }

  /** Asks the runtime what a pull without a known end has brought. False: it did not answer. */
  async #resolve(image: string, known: Promise<Before>, find: FindImage): Promise<boolean> {
    const { records, log } = this.#options;
    try {
      const [id, before] = await Promise.all([find(), known]);
      if (id !== undefined && !(before && before.id === id)) await records.learn(image, id, undefined);
    } catch (error) {
      log.debug('An intent to pull an image stays', { image, error: errorMessage(error) });
      return false;
    }
    return this.#forget(image);
  }

  async #forget(image: string): Promise<boolean> {
    try {
      await this.#options.records.removeIntent(image);
      this.#doubts.delete(image);
      return true;
    } catch (error) {
      this.#options.log.error('failed to remove image pull intent', { image, error: errorMessage(error) });
      return false;
    }
  }

  /**
   * Looks after the records: doubts are resolved, and what the runtime does not have any more is forgotten (each five minutes). For a
   * round that comes anyway. Rejects when the runtime cannot be asked.
   */
  async tidy(): Promise<void> {
    const { records, clock, list } = this.#options;
    const { mono, wall } = clock.now();
    await this.#adopt();
    const due = [...this.#doubts].filter(([, { since }]) => mono - since >= DOUBT_MS).slice(0, DOUBTS_A_ROUND);
    for (const [image, doubt] of due) await this.#resolveDoubt(image, doubt);
    if (this.#prunedAt !== undefined && mono - this.#prunedAt < PRUNE_MS) return;
    const present = new Set(await list());
    await records.prune(present, wall);
    this.#prunedAt = mono;
  }
}

const unknown: Promise<Before> = Promise.resolve(undefined);
/** Of a pull that an earlier process began. */
const OLD: Doubt = { before: unknown, since: Number.NEGATIVE_INFINITY };
const isOld = ({ since }: Doubt) => since === OLD.since;

async function idOf(find: FindImage): Promise<Before> {
  return find().then(
    (id) => ({ id }),
    () => undefined,
  );
}

/** What a login that pulled an image says of who may use it. */
function credentialsOf(login: RegistryLogin | undefined): ImageCredentials {
  const source = login?.source;
  if (!source) return { ...NOBODY, nodePodsAccessible: true };
  if ('serviceAccount' in source) return { ...NOBODY, serviceAccounts: [source.serviceAccount] };
  return { ...NOBODY, secrets: [{ ...source.secret, credentialHash: credentialHash(login) }] };
}

/** Logins of the node itself do not count: what they pulled, everybody may use. */
function podCredentials(logins: readonly RegistryLogin[]): PodCredentials {
  const secrets: RecordedSecret[] = [];
  let serviceAccount: PodCredentials['serviceAccount'];
  for (const login of logins) {
    const { source } = login;
    if (source && 'secret' in source) secrets.push({ ...source.secret, credentialHash: credentialHash(login) });
    else if (source && 'serviceAccount' in source) serviceAccount ??= source.serviceAccount;
  }
  return { secrets, serviceAccount };
}
