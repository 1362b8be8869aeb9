import { checkHostPath } from '../../types/hostPath.ts';
import type { PersistentKind, VolumeSpec } from '../contract.ts';

const PLUGIN = 'kubernetes.io/host-path';

/** A path of the node behind a claim (the tutorials' pv-example). Nothing is mounted, so nothing is ever left of it. */
export const hostPathKind: PersistentKind = {
  plugin: PLUGIN,
  supportsMountOptions: false,
  supportsBlock: false,
  identify: ({ name }, pod) => ({ uniqueName: `${PLUGIN}/${pod.metadata.uid}-${name}`, attachable: false }),
  publish: async ({ spec }) => {
    const { path, type = '' } = sourceOf(spec);
    await checkHostPath(path, type);
    return { path };
  },
  unpublish: async () => {},
  reconstruct: async () => [],
};

function sourceOf({ pv, inline }: VolumeSpec) {
  return (pv?.spec ?? inline)!.hostPath!;
}
