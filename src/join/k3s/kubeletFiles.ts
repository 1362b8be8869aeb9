import { stringify } from 'yaml';
import type { Layout } from './layout.ts';
import type { ServerConfig } from './serverConfig.ts';

/** What the user said that goes into the kubelet's configuration. */
export interface KubeletWishes {
  readonly nodeName: string;
  readonly nodeIps: readonly string[];
  readonly nodeLabels: readonly string[];
  readonly nodeTaints: readonly string[];
  readonly containerRuntimeEndpoint: string;
  readonly resolvConf: string;
  /** Started by systemd on a machine whose cgroups it manages. */
  readonly systemd: boolean;
}

/** A plain y, on or 010 is no text to every reader of YAML. */
const QUOTED = { lineWidth: 0, defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' } as const;

/** The kubeconfig of the node: `server` is the local balancer, which knows where the API servers are. */
export function kubeconfigText({ serverCa, client }: Layout, server: string, believesSystem: boolean): string {
  const cluster = { server, ...(believesSystem ? {} : { 'certificate-authority': serverCa }) };
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'local', cluster }],
      contexts: [{ name: 'Default', context: { cluster: 'local', namespace: 'default', user: 'user' } }],
      'current-context': 'Default',
      users: [{ name: 'user', user: { 'client-certificate': client.cert, 'client-key': client.key } }],
    },
    QUOTED,
  );
}

/** The KubeletConfiguration that k3s gives its own kubelet, but for serializeImagePulls: false, which always is so here. */
export function kubeletConfigText(files: Layout, server: ServerConfig, wishes: KubeletWishes): string {
  const taints = wishes.nodeTaints.map(taint);
  return stringify(
    {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      address: '0.0.0.0',
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true, cacheTTL: '2m0s' },
        x509: { clientCAFile: files.clientCa },
      },
      authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s' } },
      allowedUnsafeSysctls: ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'],
      cgroupDriver: wishes.systemd ? 'systemd' : 'cgroupfs',
      clusterDNS: [...server.clusterDNS],
      clusterDomain: server.clusterDomain,
      containerRuntimeEndpoint: wishes.containerRuntimeEndpoint,
      evictionHard: { 'imagefs.available': '5%', 'nodefs.available': '5%' },
      evictionMinimumReclaim: { 'imagefs.available': '10%', 'nodefs.available': '10%' },
      failSwapOn: false,
      healthzBindAddress: '127.0.0.1',
      ...(taints.length > 0 ? { registerWithTaints: taints } : {}),
      resolvConf: wishes.resolvConf,
      rotateCertificates: false,
      staticPodPath: files.podManifests,
      tlsCertFile: files.serving.cert,
      tlsPrivateKeyFile: files.serving.key,
      ...(server.minTLSVersion === '' ? {} : { tlsMinVersion: server.minTLSVersion }),
      ...(server.cipherSuites.length === 0 ? {} : { tlsCipherSuites: [...server.cipherSuites] }),
    },
    QUOTED,
  );
}

/** The flags that k3s gives its kubelet. */
export function kubeletArguments(files: Layout, server: ServerConfig, wishes: KubeletWishes): string[] {
  const { nodeName, nodeIps, nodeLabels } = wishes;
  const [first] = nodeIps;
  // Without k3s' cloud controller only a single address is sure to be wanted by the cloud's own.
  const ips = server.disableCCM ? (nodeIps.length === 1 ? first : undefined) : nodeIps.join(',');
  return [
    `--config-dir=${files.configDir}`,
    `--kubeconfig=${files.kubeconfig}`,
    '--read-only-port=0',
    `--hostname-override=${nodeName}`,
    ...(server.disableCCM ? [] : ['--cloud-provider=external']),
    ...(ips ? [`--node-ip=${ips}`] : []),
    `--node-labels=${nodeLabels.join(',')}`,
  ];
}

/** `key=value:Effect` or `key:Effect`. */
function taint(text: string): { key: string; value?: string; effect: string } {
  const colon = text.lastIndexOf(':');
  const [key = '', value] = text.slice(0, colon).split('=', 2);
  return { key, ...(value === undefined ? {} : { value }), effect: text.slice(colon + 1) };
}
