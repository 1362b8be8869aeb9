import { byteLength, goQuote } from '../../k8s/goText.ts';
import { dnsLabelErrors, dnsSubdomainErrors } from '../../k8s/nameValidation.ts';
import type { Pod } from '../../types/k8s.ts';
import { SpecError } from './specError.ts';

/** A Pod's own name in the cluster. `domain` is empty unless the Pod has a subdomain. */
export interface PodHostname {
  readonly hostname: string;
  readonly domain: string;
}

/** The kernel's nodename has 64 bytes and a NUL; a plain host name is cut one byte earlier. */
const MAX_HOSTNAME = 63;
const MAX_FQDN = 64;

/**
 * hostnameOverride, else spec.hostname, else the Pod's name, cut to 63 bytes; and the domain that spec.subdomain gives.
 * Throws when one of them is no DNS name (only static Pods get this far with one).
 */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const spec = pod.spec;
  if (spec?.hostnameOverride !== undefined) {
    const errors = dnsSubdomainErrors(spec.hostnameOverride);
    if (errors.length > 0) throw invalid('HostnameOverride', spec.hostnameOverride, 'subdomain', errors);
    return { hostname: cut(pod, spec.hostnameOverride), domain: '' };
  }
  if (spec?.hostname) {
    const errors = dnsLabelErrors(spec.hostname);
    if (errors.length > 0) throw invalid('Hostname', spec.hostname, 'label', errors);
  }
  const hostname = cut(pod, spec?.hostname || (pod.metadata?.name ?? ''));
  if (!spec?.subdomain) return { hostname, domain: '' };
  const errors = dnsLabelErrors(spec.subdomain);
  if (errors.length > 0) throw invalid('Subdomain', spec.subdomain, 'label', errors);
  return { hostname, domain: `${spec.subdomain}.${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}` };
}

/**
 * What the sandbox gets as host name: empty with hostNetwork, the fully qualified name with setHostnameAsFQDN, else the short
 * name. Throws when the qualified name is over 64 bytes.
 */
export function sandboxHostname(pod: Pod, clusterDomain: string): string {
  if (pod.spec?.hostNetwork) return '';
  const { hostname, domain } = podHostname(pod, clusterDomain);
  if (!pod.spec?.setHostnameAsFQDN || domain === '') return hostname;
  const fqdn = `${hostname}.${domain}`;
  const length = byteLength(fqdn);
  if (length <= MAX_FQDN) return fqdn;
  throw new SpecError(
    `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long ` +
      `(${MAX_FQDN} characters is the max, ${length} characters requested)`,
  );
}

/** All names that get here are ASCII, so characters are bytes. */
function cut(pod: Pod, hostname: string): string {
  if (hostname.length <= MAX_HOSTNAME) return hostname;
  const short = hostname.slice(0, MAX_HOSTNAME).replace(/[-.]+$/, '');
  if (short !== '') return short;
  throw new SpecError(`hostname for pod ${goQuote(pod.metadata?.name ?? '')} was invalid: ${goQuote(hostname)}`);
}

function invalid(field: string, value: string, kind: string, errors: readonly string[]): SpecError {
  return new SpecError(`pod ${field} ${goQuote(value)} is not a valid DNS ${kind}: ${errors.join(';')}`);
}
