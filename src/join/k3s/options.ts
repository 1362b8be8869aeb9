import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { ConfigurationError } from '../../config/problem.ts';
import { errorMessage } from '../../lib/errors.ts';
import { NODE_PASSWORD_FILE } from './nodePassword.ts';

/** What `kubelet-ts join k3s` was told. */
export interface JoinOptions {
  /** URL of a supervisor, with its port. */
  readonly server: URL;
  /** The token, or the file that it stands in. */
  readonly token: { readonly text: string } | { readonly file: string };
  readonly nodeName: string;
  readonly withNodeId: boolean;
  /** Empty: the address of the default route. */
  readonly nodeIps: readonly string[];
  readonly externalIps: readonly string[];
  readonly nodeLabels: readonly string[];
  readonly nodeTaints: readonly string[];
  readonly dataDir: string;
  readonly nodePasswordFile: string;
  readonly containerRuntimeEndpoint: string;
  /** Empty: as k3s chooses. */
  readonly resolvConf: string;
  readonly balancerPort: number;
  /** Flags of the kubelet; they win over those that come from the server. */
  readonly kubeletArguments: readonly string[];
}

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  server: { type: 'string', short: 's' },
  token: { type: 'string', short: 't' },
  'token-file': { type: 'string' },
  'node-name': { type: 'string' },
  'with-node-id': { type: 'boolean' },
  'node-ip': { type: 'string', short: 'i', multiple: true },
  'node-external-ip': { type: 'string', multiple: true },
  'node-label': { type: 'string', multiple: true },
  'node-taint': { type: 'string', multiple: true },
  'data-dir': { type: 'string' },
  'node-password-file': { type: 'string' },
  'container-runtime-endpoint': { type: 'string' },
  'resolv-conf': { type: 'string' },
  'lb-server-port': { type: 'string' },
} as const satisfies ParseArgsOptionsConfig;

const NODE_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const LABEL = /^[^=\s,]+=[^=\s,]*$/;
const TAINT = /^[^=:\s,]+(=[^=:\s,]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$/;

/** Reads what comes after `join k3s`. 'help' when that is asked for. Throws ConfigurationError with a sentence for each thing that is wrong. */
export function parseJoin(args: readonly string[], env: NodeJS.ProcessEnv): JoinOptions | 'help' {
  const cut = args.indexOf('--');
  const own = cut < 0 ? args : args.slice(0, cut);
  const values = read(own);
  if (values.help === true) return 'help';
  const problems: string[] = [];
  const want = (holds: boolean, sentence: string) => void (holds || problems.push(sentence));
  const url = serverOf(values, env, want);
  const token = tokenOf(values, env, want);
  const nodeName = (values['node-name'] ?? hostname()).trim().toLowerCase();
  want(
    NODE_NAME.test(nodeName),
    `--node-name must be a DNS name in lower case, and ${JSON.stringify(nodeName)} is none`,
  );
  const addresses = addressesOf(values, want);
  const marks = marksOf(values, want);
  const balancerPort = Number(values['lb-server-port'] ?? 6444);
  want(
    Number.isInteger(balancerPort) && balancerPort > 0 && balancerPort < 65_536,
    '--lb-server-port must be a port, 1 to 65535',
  );
  const dataDir = (values['data-dir'] ?? '/var/lib/rancher/k3s/agent').replace(/(.)\/+$/, '$1');
  want(dataDir.startsWith('/'), '--data-dir must be an absolute path');
  if (problems.length > 0 || !url || !token) {
    throw new ConfigurationError(
      problems.map((sentence) => ({ path: 'join k3s', sentence: `${sentence} (see kubelet-ts join k3s --help)` })),
    );
  }
  return {
    server: new URL(url.origin),
    token,
    nodeName,
    withNodeId: values['with-node-id'] === true,
    ...addresses,
    ...marks,
    dataDir,
    nodePasswordFile: values['node-password-file'] ?? NODE_PASSWORD_FILE,
    containerRuntimeEndpoint: values['container-runtime-endpoint'] ?? 'unix:///run/containerd/containerd.sock',
    resolvConf: values['resolv-conf'] ?? '',
    balancerPort,
    kubeletArguments: cut < 0 ? [] : args.slice(cut + 1),
  };
}

/** Collects a sentence where something does not hold. */
type Want = (holds: boolean, sentence: string) => void;

function serverOf(values: Values, env: NodeJS.ProcessEnv, want: Want): URL | undefined {
  const server = values.server ?? env.K3S_URL ?? '';
  const url = URL.canParse(server) ? new URL(server) : undefined;
  want(server !== '', 'needs --server, the URL of a k3s server such as https://10.0.0.1:6443 (or K3S_URL)');
  want(
    server === '' || url?.protocol === 'https:',
    `--server must be an https:// URL such as https://10.0.0.1:6443, not ${JSON.stringify(server)}`,
  );
  want(
    url === undefined || (/^\/*$/.test(url.pathname) && url.search === '' && url.username === ''),
    '--server must be scheme, host and port alone, such as https://10.0.0.1:6443',
  );
  return url;
}

function addressesOf(values: Values, want: Want): Pick<JoinOptions, 'nodeIps' | 'externalIps'> {
  const nodeIps = listOf(values['node-ip']);
  const externalIps = listOf(values['node-external-ip']);
  for (const ip of [...nodeIps, ...externalIps])
    want(isIP(ip) !== 0, `--node-ip and --node-external-ip must be IP addresses, and ${JSON.stringify(ip)} is none`);
  want(
    nodeIps.length <= 2 && (nodeIps.length < 2 || isIP(nodeIps[0]!) !== isIP(nodeIps[1]!)),
    '--node-ip takes one address, or one of IPv4 and one of IPv6',
  );
  return { nodeIps, externalIps };
}

function marksOf(values: Values, want: Want): Pick<JoinOptions, 'nodeLabels' | 'nodeTaints'> {
  const nodeLabels = listOf(values['node-label']);
  for (const label of nodeLabels)
    want(LABEL.test(label), `--node-label must be key=value, not ${JSON.stringify(label)}`);
  const nodeTaints = listOf(values['node-taint']);
  for (const taint of nodeTaints)
    want(
      TAINT.test(taint),
      `--node-taint must be key=value:NoSchedule, :PreferNoSchedule or :NoExecute, not ${JSON.stringify(taint)}`,
    );
  return { nodeLabels, nodeTaints };
}

type Values = {
  [K in keyof typeof FLAGS]?: (typeof FLAGS)[K] extends { multiple: true }
    ? string[]
    : (typeof FLAGS)[K]['type'] extends 'boolean'
      ? boolean
      : string;
};

function read(args: readonly string[]): Values {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values as Values;
  } catch (error) {
    // The parser quotes the argument that it does not take, which may be a token that lacks its flag.
    const told = errorMessage(error).split('. ')[0]!;
    const sentence = /positional|Unexpected argument/i.test(told)
      ? 'takes flags only; those of the kubelet come after --'
      : told;
    throw new ConfigurationError([{ path: 'join k3s', sentence: `${sentence} (see kubelet-ts join k3s --help)` }]);
  }
}

function tokenOf(
  values: Values,
  env: NodeJS.ProcessEnv,
  want: (holds: boolean, sentence: string) => void,
): JoinOptions['token'] | undefined {
  want(
    values.token === undefined || values['token-file'] === undefined,
    'takes one of --token and --token-file, not both',
  );
  if (values['token-file'] !== undefined) return { file: values['token-file'] };
  if (values.token !== undefined) return { text: values.token };
  if (env.K3S_TOKEN) return { text: env.K3S_TOKEN };
  if (env.K3S_TOKEN_FILE) return { file: env.K3S_TOKEN_FILE };
  want(
    false,
    'needs --token-file or --token (or K3S_TOKEN_FILE, K3S_TOKEN): the token stands in /var/lib/rancher/k3s/server/node-token of the server',
  );
  return undefined;
}

function listOf(values: readonly string[] | undefined): string[] {
  return (values ?? [])
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}
