import { type AllowedImages, allowedImages, untagged } from '../../k8s/imageReference.ts';
import type { Coordinates } from '../types.ts';
import type { ImageCredentials, PulledRecord, RecordedSecret } from './pullRecord.ts';

/** imagePullCredentialsVerificationPolicy: which images that are there need credentials that were checked. */
export type VerificationPolicy =
  | 'NeverVerify'
  | 'NeverVerifyPreloadedImages'
  | 'NeverVerifyAllowlistedImages'
  | 'AlwaysVerify';

/** The policy with its list of images, read once. */
export interface Verification {
  readonly policy: VerificationPolicy;
  readonly allowed: readonly AllowedImages[];
}

/** The configuration's policy. Patterns that are none were refused at the start; here they allow nothing. */
export function verificationOf(policy: string, patterns: readonly string[]): Verification {
  const allowed = patterns.map(allowedImages).flatMap((one) => ('error' in one ? [] : [one]));
  return { policy: policy as VerificationPolicy, allowed };
}

/** How a question ended, in the words of kubelet_imagemanager_image_mustpull_checks_total. */
export type AccessResult = 'credentialPolicyAllowed' | 'credentialRecordFound' | 'mustAuthenticate' | 'error';

/** What a Pod has to show: its Secrets' logins that fit the image, in order, and the service account that a provider spoke for. */
export interface PodCredentials {
  readonly secrets: readonly RecordedSecret[];
  readonly serviceAccount: Coordinates | undefined;
}

/** Above this many Secrets a match is no longer written down: kubelet's bound on writes by namespaces that come and go. */
const LEARN_LIMIT = 100;

/**
 * The answer as far as it does not depend on the Pod: a result, or whose credentials count. `record` is what is known of the image
 * that is there; `isPulling`: an intent to pull `image` is on the disk. Pure.
 */
export function judgeImage(
  image: string,
  record: PulledRecord | undefined,
  isPulling: boolean,
  verification: Verification,
): AccessResult | ImageCredentials {
  if (!mustVerify(image, record !== undefined || isPulling, verification)) return 'credentialPolicyAllowed';
  if (!record) return 'mustAuthenticate';
  const bare = untagged(image);
  if ('error' in bare) return 'error';
  const known = record.credentials.get(bare.name);
  if (!known) return 'mustAuthenticate';
  if (known.nodePodsAccessible) return 'credentialRecordFound';
  return known.secrets.length === 0 && known.serviceAccounts.length === 0 ? 'mustAuthenticate' : known;
}

function mustVerify(image: string, pulledByKubelet: boolean, { policy, allowed }: Verification): boolean {
  if (policy === 'NeverVerify') return false;
  if (policy === 'NeverVerifyPreloadedImages') return pulledByKubelet;
  if (policy === 'AlwaysVerify') return true;
  const bare = untagged(image);
  const name = 'error' in bare ? image : bare.name;
  return !allowed.some((one) => ('name' in one ? one.name === name : name.startsWith(one.prefix)));
}

/**
 * Whether a Pod's credentials are among those of a record. A Secret counts by its login, wherever it is, and by its place, whatever login
 * it holds now: that is how credentials rotate. `learned`: a Secret that the record should know from now on. Pure.
 */
export function judgePod(
  known: ImageCredentials,
  pod: PodCredentials,
): { readonly result: AccessResult; readonly learned?: RecordedSecret } {
  const mayLearn = known.secrets.length < LEARN_LIMIT;
  for (const secret of pod.secrets) {
    for (const one of known.secrets) {
      const isSameLogin = one.credentialHash !== '' && one.credentialHash === secret.credentialHash;
      const isSamePlace = isSame(one, secret);
      if (isSameLogin) return { result: 'credentialRecordFound', ...(!isSamePlace && mayLearn && { learned: secret }) };
      if (isSamePlace && mayLearn) return { result: 'credentialRecordFound', learned: secret };
    }
  }
  const account = pod.serviceAccount;
  const isKnown = account !== undefined && known.serviceAccounts.some((one) => isSame(one, account));
  return { result: isKnown ? 'credentialRecordFound' : 'mustAuthenticate' };
}

function isSame(a: Coordinates, b: Coordinates): boolean {
  return a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
}
