import type { Group } from '../tools/components.ts';
import type { Tools } from '../tools/ensure.ts';

/** What a definition may use while it fills its root file system. */
export interface BuildContext {
  /** The empty directory that becomes the image's layer. */
  root: string;
  /** A directory for intermediate files. */
  work: string;
  tools: Tools;
  /** The directory of another built image. */
  image(name: string): Promise<string>;
}

/** The process part of an image's configuration, in the image specification's words. */
export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
  Labels?: Record<string, string>;
  ExposedPorts?: Record<string, object>;
}

/** One image: a file in definitions/ and a line in definitions/index.ts. */
export interface ImageDefinition {
  /** The name in the cache and on the command line. */
  name: string;
  /** Full references under which the registry serves it. */
  refs: readonly string[];
  config: ImageConfig;
  /** The image whose layers lie below this one's. */
  base?: ImageDefinition;
  /** Tool groups whose programs the image holds. */
  groups: readonly Group[];
  /** Debian packages that the build needs on this machine. */
  packages: readonly string[];
  /** Files (absolute paths) whose content the image depends on, besides the tools; the definition's own file among them. */
  inputs: readonly string[];
  /** Fills the root file system. Owners and modes are taken over as they are; times are not. */
  build(context: BuildContext): Promise<void>;
}
