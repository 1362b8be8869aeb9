import { byteLength, goQuote } from '../../k8s/goText.ts';
import { MAX_SUBDOMAIN_LENGTH } from '../../k8s/nameValidation.ts';
import { MAX_SEARCH_CHARACTERS, MAX_SEARCHES } from './dns.ts';
import { parseResolvConf } from './resolvConf.ts';

/**
 * What is too much in the node's own resolv.conf for Pods to inherit: the message of the node's event CheckLimitsForResolvConf, or
 * null. Cluster DNS puts three search domains of its own before those of the node.
 */
export function resolvConfLimitExceeded(path: string, text: string, clusterDomain: string): string | null {
  const parsed = parseResolvConf(text);
  if ('error' in parsed) return parsed.error;
  const room = MAX_SEARCHES - (clusterDomain === '' ? 0 : 3);
  if (parsed.searches.length > room) {
    return `Resolv.conf file '${path}' contains search line consisting of more than ${room} domains!`;
  }
  if (parsed.searches.some((search) => byteLength(search) > MAX_SUBDOMAIN_LENGTH)) {
    const limit = `more than allowed ${MAX_SUBDOMAIN_LENGTH} chars!`;
    return `Resolv.conf file ${goQuote(path)} contains a search path which length is ${limit}`;
  }
  if (byteLength(parsed.searches.join(' ')) > MAX_SEARCH_CHARACTERS) {
    return `Resolv.conf file '${path}' contains search line which length is more than allowed ${MAX_SEARCH_CHARACTERS} chars!`;
  }
  return null;
}
