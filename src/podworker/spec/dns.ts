import { byteLength } from '../../k8s/goText.ts';
import { MAX_SUBDOMAIN_LENGTH } from '../../k8s/nameValidation.ts';
import type { Pod, PodDNSConfig } from '../../types/k8s.ts';
import { parseResolvConf, type ResolvConf } from './resolvConf.ts';
import { quotedPod, SpecError } from './specError.ts';

/** What the node knows about DNS. */
export interface DnsInputs {
  /** The text of the file that `resolvConf` names, or why it cannot be read; null when `resolvConf` is empty, which means no DNS. */
  readonly hostResolvConf: string | null | { readonly unreadable: string };
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
  /** Decide between 127.0.0.1 and ::1 when there is no resolv.conf. */
  readonly nodeIPs: readonly string[];
}

/** A Warning event to write. */
export interface DnsWarning {
  readonly object: 'Pod' | 'Node';
  readonly reason: 'DNSConfigForming' | 'MissingClusterDNS';
  readonly message: string;
}

/** A Pod's resolver configuration, in the runtime's terms, and what had to be left out of it. */
export interface PodDns extends ResolvConf {
  readonly warnings: readonly DnsWarning[];
}

/** Limits that the resolvers in use have (API validation: MaxDNSNameservers, MaxDNSSearchPaths, MaxDNSSearchListChars). */
const MAX_NAMESERVERS = 3;
/** Search domains in a resolv.conf, at most. */
export const MAX_SEARCHES = 32;
/** Characters of all search domains together, at most. */
export const MAX_SEARCH_CHARACTERS = 2048;

const NO_CLUSTER_DNS =
  'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. ' +
  'Falling back to "Default" policy.';

/**
 * The resolver configuration that follows from dnsPolicy, dnsConfig and the node's settings.
 * Throws when the node's resolv.conf cannot be read or understood.
 */
export function podDnsConfig(pod: Pod, inputs: DnsInputs): PodDns {
  const warnings: DnsWarning[] = [];
  const host = hostConfig(inputs);
  const merged = mergeDnsConfig(baseConfig(pod, inputs, host, warnings), pod.spec?.dnsConfig);
  const servers = merged.servers.slice(0, MAX_NAMESERVERS);
  if (servers.length < merged.servers.length) {
    warnings.push(forming('Nameserver limits were', 'nameservers', 'nameserver', servers));
  }
  const searches = fitSearches(merged.searches);
  if (searches.length < merged.searches.length) {
    warnings.push(forming('Search Line limits were', 'search paths', 'search', searches));
  }
  return { servers, searches, options: merged.options, warnings };
}

/** A resolv.conf with an error fails every Pod, whatever its policy, as in the Go kubelet. */
function hostConfig({ hostResolvConf }: DnsInputs): ResolvConf {
  if (hostResolvConf !== null && typeof hostResolvConf !== 'string') throw new SpecError(hostResolvConf.unreadable);
  const parsed = parseResolvConf(hostResolvConf ?? '');
  if (!('error' in parsed)) return parsed;
  throw new SpecError(`Encountered error while parsing resolv conf file. Error: ${parsed.error}`);
}

function baseConfig(pod: Pod, inputs: DnsInputs, host: ResolvConf, warnings: DnsWarning[]): ResolvConf {
  const policy = effectivePolicy(pod);
  if (policy === 'None') return { servers: [], searches: [], options: [] };
  if (policy === 'Cluster') {
    if (inputs.clusterDNS.length > 0) {
      const searches = clusterSearches(pod, inputs.clusterDomain, host.searches);
      return { servers: inputs.clusterDNS, searches, options: ['ndots:5'] };
    }
    warnings.push({ object: 'Node', reason: 'MissingClusterDNS', message: NO_CLUSTER_DNS });
    const message = `pod: ${quotedPod(pod)}. ${NO_CLUSTER_DNS}`;
    warnings.push({ object: 'Pod', reason: 'MissingClusterDNS', message });
  }
  if (inputs.hostResolvConf !== null) return host;
  // An empty list would make the runtime copy the host's file; the machine itself as server switches DNS off.
  const loopback = inputs.nodeIPs.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1'));
  return { servers: loopback.length > 0 ? loopback : ['127.0.0.1'], searches: ['.'], options: [] };
}

/** An unknown policy, which the API server would not let through, is ClusterFirst even on the host's network. */
function effectivePolicy(pod: Pod): 'None' | 'Cluster' | 'Host' {
  const policy = pod.spec?.dnsPolicy;
  if (policy === 'None') return 'None';
  if (policy === 'Default' || (policy === 'ClusterFirst' && pod.spec?.hostNetwork)) return 'Host';
  return 'Cluster';
}

function clusterSearches(pod: Pod, domain: string, host: readonly string[]): readonly string[] {
  if (domain === '') return host;
  return unique([`${pod.metadata?.namespace ?? ''}.svc.${domain}`, `svc.${domain}`, domain, ...host]);
}

function mergeDnsConfig(base: ResolvConf, config: PodDNSConfig | undefined): ResolvConf {
  if (!config) return base;
  const options = new Map<string, string>();
  for (const option of base.options) {
    const colon = option.indexOf(':');
    if (colon === -1) options.set(option, '');
    else options.set(option.slice(0, colon), option.slice(colon + 1));
  }
  for (const { name = '', value = '' } of config.options ?? []) options.set(name, value);
  return {
    servers: unique([...base.servers, ...(config.nameservers ?? [])]),
    searches: unique([...base.searches, ...(config.searches ?? [])]),
    options: [...options].map(([name, value]) => (value === '' ? name : `${name}:${value}`)),
  };
}

/** Paths over the limit go from the end; one that is too long by itself would abort glibc's resolver and goes too. */
function fitSearches(all: readonly string[]): string[] {
  const searches = all.slice(0, MAX_SEARCHES).filter((s) => byteLength(s) <= MAX_SUBDOMAIN_LENGTH);
  while (byteLength(searches.join(' ')) > MAX_SEARCH_CHARACTERS) searches.pop();
  return searches;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function forming(start: string, omitted: string, line: string, applied: readonly string[]): DnsWarning {
  const message = `${start} exceeded, some ${omitted} have been omitted, the applied ${line} line is: ${applied.join(' ')}`;
  return { object: 'Pod', reason: 'DNSConfigForming', message };
}
