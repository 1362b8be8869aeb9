import { applyOwnership } from '../ownership.ts';
import type { WantedStep } from './contract.ts';

/** Kubelet's times: the first word after 30 s, then one a minute. */
const FIRST_MS = 30_000;
const NEXT_MS = 60_000;
const REASON = 'VolumePermissionChangeInProgress';
const ADVICE =
  'https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods';

/**
 * Gives a published volume to the Pod's fsGroup, by its fsGroupChangePolicy; nothing without a group. A volume that was published before
 * is only looked at: its root is changed last, so it tells whether all was done. A walk that takes long says so in Events. `clock`: ms.
 */
export async function ownByGroup(
  step: Pick<WantedStep, 'pod' | 'again' | 'signal' | 'event' | 'progress'>,
  path: string,
  clock: () => number = () => performance.now(),
): Promise<void> {
  const { pod, again, signal, event, progress } = step;
  const { fsGroup, fsGroupChangePolicy = 'Always' } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined) return;
  const from = path.indexOf(pod.metadata.uid);
  const shown = from === -1 ? path : path.slice(from);
  const begun = clock();
  let toldAt: number | undefined;
  const tell = (message: string) => {
    toldAt = clock();
    event({ type: 'Warning', reason: REASON, message });
  };
  await applyOwnership({
    path,
    group: fsGroup,
    policy: again || fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always',
    signal,
    progress: (entries) => {
      const now = clock();
      if (toldAt === undefined && now - begun >= FIRST_MS)
        tell(
          `Setting volume ownership for ${shown} is taking longer than expected, consider using OnRootMismatch - ${ADVICE}`,
        );
      else if (toldAt !== undefined && now - toldAt >= NEXT_MS)
        tell(`Setting volume ownership for ${shown}, processed ${entries} files.`);
      if (now - begun >= FIRST_MS) progress(`its group is being set on each file, ${entries} so far`);
    },
  });
}
