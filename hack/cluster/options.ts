import { parseArgs } from 'node:util';
import type { KubeletKind } from './state.ts';

export interface ClusterArguments {
  name: string;
  kubelet: KubeletKind;
  standalone: boolean;
  /** kube-proxy and CoreDNS too. */
  addons: boolean;
  nodes: number;
}

/** Reads the command line that up, down and status share. */
export function clusterArguments(usage: string): ClusterArguments {
  const { values } = parseArgs({
    options: {
      name: { type: 'string', default: process.env.KUBELET_TS_CLUSTER ?? 'dev' },
      kubelet: { type: 'string', default: 'ts' },
      standalone: { type: 'boolean', default: false },
      addons: { type: 'boolean', default: false },
      nodes: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  return {
    name: values.name,
    kubelet: kubeletKind(values.kubelet),
    standalone: values.standalone,
    addons: values.addons,
    nodes: Number(values.nodes),
  };
}

/** Checks the value of --kubelet. */
export function kubeletKind(text: string): KubeletKind {
  if (text === 'go' || text === 'ts' || text === 'none') return text;
  throw new Error(`--kubelet ${text}: choose go, ts or none`);
}
