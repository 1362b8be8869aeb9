import { goQuote } from '../../k8s/goText.ts';
import { bounded } from '../../lib/bounded.ts';
import type { HttpUrl } from './url.ts';
import { isAbsolute, resolveLocation } from './url.ts';

/** What to do with an answer: go on to another URL, take it as the last one, or fail with a text. */
export type Redirect =
  | { readonly to: HttpUrl; readonly keepHost: boolean }
  | { readonly stop: true }
  | { readonly problem: string; readonly url: string };

const MAX_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Follows redirects to the same host name only (a Pod must not steer the node's requests elsewhere), at most ten. `first` is
 * the URL that the probe was given, `hops` the number of requests made so far.
 */
export function redirect(
  first: HttpUrl,
  current: HttpUrl,
  status: number,
  location: string | undefined,
  hops: number,
): Redirect {
  if (!REDIRECTS.has(status) || !location) return { stop: true };
  const to = resolveLocation(current, location);
  if (to === undefined) {
    return {
      problem: `failed to parse Location header ${goQuote(bounded(location, 1024))}: invalid URL`,
      url: current.text,
    };
  }
  if (to.host !== first.host) return { stop: true };
  if (hops >= MAX_REDIRECTS) return { problem: `stopped after ${MAX_REDIRECTS} redirects`, url: to.text };
  if (to.scheme !== 'http' && to.scheme !== 'https') {
    return { problem: `unsupported protocol scheme ${goQuote(to.scheme)}`, url: to.text };
  }
  return { to, keepHost: !isAbsolute(location) };
}
