import type { Controller } from '../../../cgroups/rules/controlFiles.ts';

/** What was seen on the machine. `unknown` texts are why it could not be seen. */
export interface MachineReport {
  /** Effective user id of this process. */
  readonly uid: number;
  readonly nodeName: string;
  readonly rootDir: string;
  /** Undefined: no cgroup file system is mounted; the sentence says more. */
  readonly cgroups: { readonly version: 1 | 2; readonly controllers: readonly Controller[] } | string;
  readonly failCgroupV1: boolean;
  readonly swaps: readonly string[];
  readonly failSwapOn: boolean;
  /** Kernel settings that differ from what a node needs, as `name is 0 and must be 1`. */
  readonly kernelSettings: readonly string[];
  readonly protectKernelDefaults: boolean;
  /** Value of net.ipv4.ip_forward; undefined where the kernel has no IPv4. */
  readonly ipForward: string | undefined;
  /** Ports that the kubelet will listen on, by what they are for, and whether somebody listens on them already. */
  readonly ports: readonly { readonly use: string; readonly port: number; readonly taken: boolean }[];
  readonly runtime: RuntimeReport | string;
  /** The resolver file, and whether it names loopback addresses alone. */
  readonly resolver: { readonly file: string; readonly onlyLoopback: boolean } | undefined;
  /** Free part of the file system that holds the root directory, 0 to 1. */
  readonly freeDisk: number | undefined;
  readonly api: ApiReport;
}

/** What the container runtime said of itself. */
export interface RuntimeReport {
  readonly endpoint: string;
  readonly name: string;
  readonly version: string;
  /** Conditions that are not met, with the runtime's words. */
  readonly notReady: readonly { readonly type: string; readonly message: string }[];
  /** The cgroup driver that it uses; undefined when it does not say. */
  readonly cgroupDriver: 'cgroupfs' | 'systemd' | undefined;
  readonly configuredDriver: string;
}

/** How the API server is to be reached. */
export type ApiReport =
  | { readonly state: 'standalone' }
  | { readonly state: 'reached'; readonly server: string; readonly with: 'kubeconfig' | 'bootstrap kubeconfig' }
  | { readonly state: 'problem'; readonly sentence: string };
