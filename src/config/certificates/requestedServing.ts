import { isIP } from 'node:net';
import type { ApiClient } from '../../api/client.ts';
import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { NodeAddress } from '../../types/k8s.ts';
import { CertificateManager } from './certificateManager.ts';
import { measureCertificate } from './certificateMetrics.ts';
import { type CertificateSubject, nodeSubject } from './certificateRequest.ts';
import { PairStore } from './pairStore.ts';
import type { ServingCertificate, ServingCertificateSource } from './servingCertificate.ts';

export interface RequestedServingOptions {
  readonly client: ApiClient;
  readonly certDir: string;
  readonly nodeName: string;
  /** The addresses of the Node object as it is now; a change is told by `addressesChanged`. */
  readonly addresses: () => readonly NodeAddress[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** tlsCertFile and tlsPrivateKeyFile: they serve until the first certificate is issued. */
  readonly files?: { readonly cert: string; readonly key: string };
}

/** A serving certificate that the cluster signs (serverTLSBootstrap). */
export interface RequestedServingSource extends ServingCertificateSource {
  /** The addresses of the Node may be others: the certificate is asked for anew when one is missing in it. */
  addressesChanged(): void;
  /** Why there is no certificate, or what it waits for. */
  problem(): string | undefined;
}

/**
 * Starts to ask for the serving certificate of `kubelet-server-current.pem`, signer kubernetes.io/kubelet-serving, as soon as the
 * Node has an IP address. Somebody has to approve each request: no controller of Kubernetes does. Throws when the stored pair
 * cannot be used.
 */
export async function requestedServingCertificate(options: RequestedServingOptions): Promise<RequestedServingSource> {
  const manager = await CertificateManager.open({
    store: new PairStore(options.certDir, 'kubelet-server', options.files),
    signer: 'kubernetes.io/kubelet-serving',
    clock: options.clock,
    log: options.log,
    subject: () => servingSubject(options.nodeName, options.addresses()),
    client: () => options.client,
  });
  if (options.metrics) measureCertificate(manager, 'server', options.metrics, options.clock);
  manager.start();
  let shown: { of: object; pair: ServingCertificate } | undefined;
  return {
    current() {
      const pair = manager.current();
      if (!pair) return undefined;
      if (shown?.of !== pair) shown = { of: pair, pair: { cert: pair.cert, key: pair.key } };
      return shown.pair;
    },
    onChange: (listener) => manager.onChange(listener),
    addressesChanged: () => manager.subjectChanged(),
    problem: () => manager.problem(),
    [Symbol.dispose]: () => manager[Symbol.dispose](),
  };
}

/**
 * Whom the serving certificate is for; undefined while the Node has no IP address (kubelet's AllowDNSOnlyNodeCSR is off). Names and
 * addresses are sorted, so that equal sets ask for the same.
 */
export function servingSubject(nodeName: string, addresses: readonly NodeAddress[]): CertificateSubject | undefined {
  const ips = new Set<string>();
  const dnsNames = new Set<string>();
  for (const { type, address } of addresses) {
    if (address === '') continue;
    const isName = type === 'Hostname' || type === 'InternalDNS' || type === 'ExternalDNS';
    if (isIP(address) && (type === 'Hostname' || !isName)) ips.add(address);
    else if (isName) dnsNames.add(address);
  }
  if (ips.size === 0) return undefined;
  return { ...nodeSubject(nodeName), dnsNames: [...dnsNames].sort(), ips: [...ips].sort() };
}
