import { withAllocation } from '../../pods/rules/allocation.ts';
import type { ServedPod } from '../../pods/served.ts';
import type { Pod } from '../../types/k8s.ts';
import type { Route } from '../http/route.ts';
import { sendPodList } from './podList.ts';

/** The Pods that the node should run. */
export const pods: Route = {
  paths: ['/pods', '/pods/'],
  methods: ['GET'],
  readOnly: true,
  handle: (exchange, host) =>
    sendPodList(
      exchange,
      host.pods.all().flatMap((p) => (p.pod && !p.gone ? [desired(p, p.pod)] : [])),
    ),
};

/** As its source has it, whatever it was given. A static Pod has no status but ours; another's is the API server's. */
function desired({ isStatic, status, wanted }: ServedPod, pod: Pod): Pod {
  const asked = wanted ? withAllocation(pod, wanted) : pod;
  return isStatic && status ? { ...asked, status } : asked;
}
