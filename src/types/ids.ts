declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A Pod's `metadata.uid`; of a static Pod the hash of its manifest. */
export type PodUid = Branded<'PodUid'>;
/** A container's id as the runtime gives it, without the `containerd://` prefix of the API. */
export type ContainerId = Branded<'ContainerId'>;
/** A Pod sandbox's id as the runtime gives it. */
export type SandboxId = Branded<'SandboxId'>;

/** Brands a string; checks nothing. */
export const podUid = (value: string): PodUid => value as PodUid;
/** Brands a string; checks nothing. */
export const containerId = (value: string): ContainerId => value as ContainerId;
/** Brands a string; checks nothing. */
export const sandboxId = (value: string): SandboxId => value as SandboxId;
