import type { ServedPod } from '../../pods/served.ts';
import type { Pod } from '../../types/k8s.ts';
import { debuggingDisabled, type Route } from '../http/route.ts';
import { sendPodList } from './podList.ts';

/** The Pods that the runtime runs, as far as it knows them. */
export const runningPods: Route = {
  paths: ['/runningpods', '/runningpods/'],
  methods: ['GET'],
  disabled: debuggingDisabled,
  handle: (exchange, host) =>
    sendPodList(
      exchange,
      host.pods.all().flatMap((p) => running(p)),
    ),
};

function running({ uid, namespace, name, observed }: ServedPod): Pod[] {
  const containers = observed?.containers.filter((c) => c.state === 'running') ?? [];
  if (containers.length === 0 && !observed?.sandboxes.some((s) => s.ready)) return [];
  return [
    {
      metadata: { name, namespace, uid },
      spec: { containers: containers.map((c) => ({ name: c.name, image: c.image, resources: {} })) },
      status: {},
    },
  ];
}
