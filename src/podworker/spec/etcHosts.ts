import type { HostAlias, Pod } from '../../types/k8s.ts';
import type { PodHostname } from './hostname.ts';

const HEADER = '# Kubernetes-managed hosts file.\n';
const HEADER_HOST_NETWORK = '# Kubernetes-managed hosts file (host network).\n';
const LOCAL_NAMES =
  '127.0.0.1\tlocalhost\n' +
  '::1\tlocalhost ip6-localhost ip6-loopback\n' +
  'fe00::0\tip6-localnet\n' +
  'fe00::0\tip6-mcastprefix\n' +
  'fe00::1\tip6-allnodes\n' +
  'fe00::2\tip6-allrouters\n';

/** Where containers find the file. */
export const ETC_HOSTS_PATH = '/etc/hosts';
/** The file's name in the Pod's directory on the node. */
export const ETC_HOSTS_FILE = 'etc-hosts';

/** What the Pod's /etc/hosts is made of. */
export interface EtcHostsInputs {
  /** In the order of status.podIPs. */
  readonly podIPs: readonly string[];
  readonly hostname: PodHostname;
  /** The node's own /etc/hosts; read only for a Pod on the host's network. */
  readonly nodeHosts: string;
}

/** The content of the Pod's /etc/hosts. */
export function etcHosts(pod: Pod, inputs: EtcHostsInputs): string {
  const aliases = aliasLines(pod.spec?.hostAliases ?? []);
  if (pod.spec?.hostNetwork) return HEADER_HOST_NETWORK + inputs.nodeHosts + aliases;
  const { hostname, domain } = inputs.hostname;
  const names = domain === '' ? hostname : `${hostname}.${domain}\t${hostname}`;
  return HEADER + LOCAL_NAMES + inputs.podIPs.map((ip) => `${ip}\t${names}\n`).join('') + aliases;
}

/** Whether the kubelet mounts the file at all: not before the Pod has an address, and not over the container's own mount. */
export function mountsEtcHosts(
  pod: Pod,
  container: { readonly volumeMounts?: readonly { readonly mountPath: string }[] },
  podIPs: readonly string[],
): boolean {
  const ownMount = container.volumeMounts?.some((mount) => mount.mountPath === ETC_HOSTS_PATH) ?? false;
  return !ownMount && (podIPs.length > 0 || pod.spec?.hostNetwork === true);
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}
