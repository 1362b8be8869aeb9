import path from 'node:path';
import { type Layout, net } from '../cluster/layout.ts';

/** Addresses of the VM in the cluster's network. */
export const vmNet = {
  /** 172.30.0.11 is the machine that kubeadm joins. */
  address: '172.30.0.20',
  mac: '52:54:00:12:34:20',
  podCidr: '10.245.0.0/24',
  tap: 'vm0',
  /** The registry listens on the namespace's loopback; here it is forwarded to on the node's address. */
  registryPort: 5052,
  registry: `${net.nodeAddress}:5052`,
} as const;

/** Where everything of a cluster's VM is, in the cluster's own directories, so that `down` of the cluster removes it. */
export interface VmLayout {
  readonly nodeName: string;
  /** What was written since the image was made. */
  readonly disk: string;
  /** Read-only: the bundle and this node's configuration. */
  readonly seed: string;
  /** Unix sockets of the serial console, the guest's agent and qemu's monitor. */
  readonly console: string;
  readonly consoleLog: string;
  readonly agent: string;
  readonly monitor: string;
}

/** The VM's files of a cluster. */
export function vmLayout(layout: Layout): VmLayout {
  const state = (name: string) => path.join(layout.state, 'vm', name);
  const run = (name: string) => path.join(layout.run, `vm-${name}`);
  return {
    nodeName: `${layout.name}-vm`,
    disk: state('disk.qcow2'),
    seed: state('seed.img'),
    console: run('console.sock'),
    consoleLog: path.join(layout.logs, 'vm-console.log'),
    agent: run('agent.sock'),
    monitor: run('monitor.sock'),
  };
}
