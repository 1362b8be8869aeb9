import { formatDuration } from '../k8s/duration.ts';
import { FLAGS, type Flag } from './flagTable.ts';
import { FIELD_GROUPS } from './kubeletConfiguration.ts';
import { type Field, leaves, type Support } from './schema.ts';

const USAGE = `kubelet-ts: a Kubernetes node agent (kubelet 1.36) that explains every wait.

Usage:
  kubelet-ts [flags]                       run the node agent
  kubelet-ts why [[NAMESPACE/]POD]         why is this Pod (or: which Pods and why) not ready?
  kubelet-ts why node                      what is the node short of, which Pod would go next, and who has what?
  kubelet-ts timeline [NAMESPACE/]POD      what happened to it, step by step
  kubelet-ts replay FILE                   decide recorded facts again, print the first difference
  kubelet-ts plan FILE…                    what would be done for these manifests
  kubelet-ts preflight [flags]             can this machine be a node, and what is to be done first?
  kubelet-ts join k3s --server URL …       join a k3s cluster and run the node agent
  kubelet-ts version                       its own version and that of Kubernetes

Examples:
  Standalone, Pods from a directory, no server (it would need an API server to ask who may do what):
    kubelet-ts --enable-server=false --pod-manifest-path=/etc/kubernetes/manifests
  A node of a cluster:
    kubelet-ts --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml
  One setting of a shared file changed on this node, in /etc/kubelet.d/10-pods.conf:
    apiVersion: kubelet.config.k8s.io/v1beta1
    kind: KubeletConfiguration
    maxPods: 250
  read with
    kubelet-ts --config=/var/lib/kubelet/config.yaml --config-dir=/etc/kubelet.d

Flags win over drop-ins (--config-dir), drop-ins over --config, --config over the defaults shown here. The defaults are the same
with and without a configuration file. A flag takes its value as --flag=value or --flag value; of a flag that is true or false
only the form with '=' has a value.`;

const PLACES = `
The agent is asked on its unix socket, which only root may use. PLACE is one of
  --root-dir DIR        the agent's --root-dir: the socket is DIR/kubelet-ts/debug.sock [/var/lib/kubelet]
  --socket PATH         the agent's --ts-debug-socket
  --address HOST:PORT   the agent's --ts-debug-address`;

const COMMANDS: Readonly<Record<string, string>> = {
  why: `kubelet-ts why [[NAMESPACE/]POD | --node] [-n NAMESPACE] [-o text|json] [PLACE]

Asks the agent on this machine what a Pod waits for. Without a Pod: every Pod that waits. \`kubelet-ts why node\` (or --node): what the
node is short of, the figures beside their thresholds, the order in which Pods would be evicted; then where the machine's CPUs, memory
and devices are and who has some of their own. (A Pod called node: default/node.)
${PLACES}`,
  timeline: `kubelet-ts timeline [NAMESPACE/]POD [-n NAMESPACE] [-o text|json] [PLACE]

Prints what was done for a Pod, when, and how long each step took.
${PLACES}`,
  replay: `kubelet-ts replay FILE [--pod [NAMESPACE/]POD] [-n NAMESPACE] [-o text|json]

Runs this program's rules on recorded facts (--ts-record-dir, or /debug/pods/NAMESPACE/POD/trace) and prints the first decision
that differs from the recorded one. Exits 1 when one differs.`,
  preflight: `kubelet-ts preflight [flags] [-o text|json]

Looks at this machine as the node agent would find it: user, cgroups, swap, kernel settings, ports, container runtime, resolver,
disk, API server. Give it the flags that the agent will get. Changes nothing. Exits 1 when something keeps the kubelet from
starting or its Node from becoming Ready.`,
  join: `kubelet-ts join k3s --server URL --token-file FILE [flags] [-- kubelet flags]

Joins this machine to a cluster and runs the node agent. k3s: see kubelet-ts join k3s --help. RKE2 starts it itself (kubelet-path in
its config.yaml), kubeadm and kind run it as their kubelet.`,
  plan: `kubelet-ts plan FILE… [-o text|json]

Reads manifests as the static Pod source would, prints problems, defaults and the steps that would be taken. Changes nothing.`,
};

/** The help of a sub-command. */
export function commandHelp(name: string): string {
  return COMMANDS[name] ?? runHelp();
}

/** The whole `--help`: usage, examples, every flag in groups with its default. */
export function runHelp(): string {
  const all = [...FLAGS.values()];
  const own = all.filter(({ name }) => name.startsWith('ts-'));
  const options = all.filter((flag) => flag.path === undefined && !own.includes(flag));
  const useful = options.filter(({ row }) => row.support !== 'no-effect');
  const groups = FIELD_GROUPS.map(([title, fields]) => {
    const paths = new Set(leaves(fields).map(({ path }) => path));
    return section(
      `${title} (also fields of --config)`,
      all.filter(({ path }) => path !== undefined && paths.has(path)),
    );
  });
  return [
    USAGE,
    section('General', useful),
    section('This program alone', own),
    ...groups,
    section(
      'Without effect',
      options.filter(({ row }) => row.support === 'no-effect'),
    ),
    '  -h, --help\n        print this\n      --version, --version=raw\n        print the version',
  ].join('\n\n');
}

function section(title: string, flags: readonly Flag[]): string {
  return [`${title}:`, ...flags.map(flagHelp)].join('\n');
}

function flagHelp({ name, path, row }: Flag): string {
  const dashes = name.length === 1 ? `-${name}, --${name}` : `    --${name}`;
  const field = path === undefined ? '' : ` (${path})`;
  return `  ${dashes} ${typeName(row)}${field}\n        ${row.doc}${defaultNote(row)}${supportNote(row.support)}`;
}

/** What a value of a field looks like. */
export function typeName(field: Field<unknown>): string {
  if (field.oneOf) return field.oneOf.filter((option) => option !== '').join('|');
  return (
    { stringMap: 'key=value,…', boolMap: 'name=bool,…', headerMap: 'name:value,…' }[field.kind as 'stringMap'] ??
    field.kind
  );
}

/** The default of a field as it would be written; empty when it has none. */
export function defaultText(field: Field<unknown>): string {
  const { fallback, kind } = field;
  if (fallback === undefined || fallback === '' || kind === 'object') return '';
  if (kind === 'duration') return formatDuration(fallback as number);
  if (typeof fallback !== 'object' || fallback === null) return String(fallback);
  return Array.isArray(fallback) ? fallback.join(',') : '';
}

function defaultNote(field: Field<unknown>): string {
  const text = defaultText(field);
  return text === '' ? '' : ` [${text}]`;
}

function supportNote(support: Support | undefined): string {
  if (support === 'supported') return '';
  if (support === 'different') return ' (changes nothing here)';
  return support === 'no-effect' ? ' (no effect)' : ' (accepted, not yet acted on)';
}
