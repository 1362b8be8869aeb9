import { parseArgs } from 'node:util';
import { kubeletKind } from '../cluster/options.ts';
import type { KubeletKind } from '../cluster/state.ts';

export const usage = `npm run up [-- OPTIONS]
  (none)                       a whole cluster around kubelet-ts, with a few Pods
  --standalone                 no control plane: static Pods only; quick, needs no Kubernetes build
  --kubeconfig FILE --runtime-endpoint unix:///PATH
                               only kubelet-ts, against a cluster and a runtime of yours; it stays in the foreground,
                               and what follows a further -- goes to it as flags
  --kubelet go|ts              the Go kubelet instead, for comparison
  --runtime auto|built|system  which containerd; auto: built from source for a cluster, for --standalone whichever is there
  --name NAME                  the cluster's name (dev)`;

export interface DemoOptions {
  name: string;
  kubelet: KubeletKind;
  standalone: boolean;
  runtime: 'auto' | 'built' | 'system';
  /** Given together: run only kubelet-ts. */
  external?: { kubeconfig: string; endpoint: string; flags: string[] };
}

function runtimeChoice(text: string): DemoOptions['runtime'] {
  if (text === 'auto' || text === 'built' || text === 'system') return text;
  throw new Error(`--runtime ${text}: choose auto, built or system`);
}

/** Reads the command line of `npm run up`; undefined when only help was asked for. */
export function demoOptions(argv: string[]): DemoOptions | undefined {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      name: { type: 'string', default: process.env.KUBELET_TS_CLUSTER ?? 'dev' },
      kubelet: { type: 'string', default: 'ts' },
      standalone: { type: 'boolean', default: false },
      runtime: { type: 'string', default: 'auto' },
      kubeconfig: { type: 'string' },
      'runtime-endpoint': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { kubeconfig, 'runtime-endpoint': endpoint } = values;
  if ((kubeconfig === undefined) !== (endpoint === undefined)) {
    throw new Error('--kubeconfig and --runtime-endpoint go together');
  }
  if (positionals.length > 0 && !kubeconfig) throw new Error(`unexpected: ${positionals.join(' ')}\n${usage}`);
  return {
    name: values.name,
    kubelet: kubeletKind(values.kubelet),
    standalone: values.standalone,
    runtime: runtimeChoice(values.runtime),
    external: kubeconfig && endpoint ? { kubeconfig, endpoint, flags: positionals } : undefined,
  };
}
