import { startKubelet, stopKubelet, waitForNodeReady } from '../../../hack/cluster/control.ts';
import type { Cluster } from '../../../hack/cluster/state.ts';
import { step } from '../../../hack/lib/log.ts';
import { waitFor } from '../../../hack/lib/wait.ts';
import { kubectl } from '../differential/kubectl.ts';
import type { Portrait } from './compare.ts';
import { familiesOf } from './families.ts';
import { METRIC_PAGES, type MetricPage, SHAPES, type Shape } from './pages.ts';
import { namespace, objects, pods } from './pods.ts';
import { shapeOf } from './shape.ts';

/** Runs the Pods under one kubelet and asks it for everything that is compared; the node is left without a kubelet and without the Pods. */
export async function takePortrait(cluster: Cluster, kind: 'go' | 'ts'): Promise<Portrait> {
  return step(`${kind}: Pods, pages and objects`, async () => {
    await startKubelet(cluster, kind);
    await waitForNodeReady(cluster);
    await kubectl(cluster, ['create', 'namespace', namespace]);
    await kubectl(cluster, ['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: objects });
    const account = async () =>
      (await kubectl(cluster, ['-n', namespace, 'get', 'serviceaccounts', '-o', 'name'])).includes('/default');
    await waitFor('the default service account', { timeout: 30_000 }, account);
    await kubectl(cluster, ['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: pods });
    await waitFor('the Pods to be as they stay', { timeout: 120_000, interval: 1_000 }, () => atRest(cluster));
    const portrait = await asked(cluster);
    await kubectl(cluster, ['delete', 'namespace', namespace, '--timeout=120s']);
    await stopKubelet(cluster);
    return portrait;
  });
}

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: {
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
      readonly containerStatuses?: readonly { readonly restartCount: number }[];
    };
  }[];
}

/** All Ready, but for the one that crashes: it has been started again. */
async function atRest(cluster: Cluster): Promise<boolean> {
  const { items } = JSON.parse(await kubectl(cluster, ['-n', namespace, 'get', 'pods', '-o', 'json'])) as PodList;
  const isReady = ({ metadata, status }: PodList['items'][number]) =>
    metadata.name === 'crashes'
      ? (status.containerStatuses?.[0]?.restartCount ?? 0) > 0
      : status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;
  return items.length === pods.length && items.every(isReady);
}

async function asked(cluster: Cluster): Promise<Portrait> {
  const node = cluster.layout.nodeName;
  const page = (path: string) => kubectl(cluster, ['get', '--raw', `/api/v1/nodes/${node}/proxy${path}`]);
  // Rates need two readings: the summary is asked for until it has them.
  await waitFor('CPU rates in the summary', { timeout: 60_000, interval: 2_000 }, async () =>
    (await page('/stats/summary')).includes('usageNanoCores'),
  );
  const metrics = {} as Record<MetricPage, Portrait['metrics'][MetricPage]>;
  for (const name of METRIC_PAGES) metrics[name] = familiesOf(await page(name));
  const object = (kind: string, ...more: string[]) =>
    kubectl(cluster, ['get', kind, node, '-o', 'json', '--show-managed-fields=false', ...more]);
  const text: Record<Shape, () => Promise<string>> = {
    '/stats/summary': () => page('/stats/summary'),
    '/configz': () => page('/configz'),
    '/pods': () => page('/pods'),
    Node: () => object('node'),
    Lease: () => object('lease', '-n', 'kube-node-lease'),
    CSINode: () => object('csinode'),
  };
  const shapes = {} as Record<Shape, readonly string[]>;
  for (const shape of SHAPES) shapes[shape] = shapeOf(JSON.parse(await text[shape]()));
  return { metrics, shapes };
}
