// What a node has given to a container besides plain shares of CPU and memory.

/** What the node granted one container. Written down before it is used or reported; frozen. */
export interface ContainerGrant {
  /** CPUs that are its own, ascending; empty: it runs on the shared ones. */
  readonly cpus: readonly number[];
  /** NUMA nodes that its memory comes from, ascending; empty: any. */
  readonly memoryNodes: readonly number[];
  readonly devices: readonly DeviceGrant[];
  readonly claims: readonly ClaimGrant[];
}

/** Devices of one extended resource, given by a device plug-in. */
export interface DeviceGrant {
  /** `vendor.example/gpu`. */
  readonly resource: string;
  /** The plug-in's ids by NUMA node; -1: the plug-in named none. */
  readonly idsByNode: Readonly<Record<number, readonly string[]>>;
}

/** A ResourceClaim that the container uses, prepared by its drivers. */
export interface ClaimGrant {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly devices: readonly ClaimDevice[];
}

/** One prepared device of a claim. */
export interface ClaimDevice {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  /** Which requests of the claim it answers; empty: all. */
  readonly requestNames: readonly string[];
  readonly cdiDeviceIds: readonly string[];
  readonly shareId?: string | undefined;
}

/** The grant of a container that asked for nothing special. */
export const NO_GRANT: ContainerGrant = Object.freeze({ cpus: [], memoryNodes: [], devices: [], claims: [] });
