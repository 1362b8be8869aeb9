import { Metrics } from '../../k8s/metrics/metrics.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import { PodTable } from '../../pods/table.ts';
import { TestOwner } from '../../pods/testing/owner.ts';
import { countContainers } from './containerMetrics.ts';

const pod = allocatedAsAsked({
  spec: {
    containers: [
      { name: 'a', image: 'i' },
      { name: 'b', image: 'i' },
    ],
    ephemeralContainers: [{ name: 'e', image: 'i' }],
  },
});
const running = (name: string) => ({ name, state: { running: {} } });
const ended = (name: string, exitCode: number, reason: string) => ({
  name,
  state: { terminated: { exitCode, reason } },
});
const status = (...containerStatuses: object[]) => ({ pod, status: { containerStatuses } as never });

function setUp() {
  const [metrics, table] = [new Metrics(), new PodTable()];
  countContainers(metrics, table);
  const lines = async (family: string) => (await metrics.text()).split('\n').filter((line) => line.startsWith(family));
  return { table, lines };
}

test('a container that ends is counted once, by its kind, exit code and reason', async () => {
  const { table, lines } = setUp();
  const worker = new TestOwner(table, status(running('a'), running('b')));
  worker.decide(status(running('a'), running('b')));
  worker.decide(status(ended('a', 3, 'Error'), running('b')));
  worker.decide(status(ended('a', 3, 'Error'), ended('b', 137, 'OOMKilled')));
  worker.decide(status(running('a'), ended('b', 137, 'OOMKilled')));
  worker.decide(status(ended('a', 3, 'Error'), ended('b', 137, 'OOMKilled')));
  expect(await lines('kubelet_terminated_containers_total{')).toEqual([
    'kubelet_terminated_containers_total{container_type="container",exit_code="3",reason="Error"} 2',
    'kubelet_terminated_containers_total{container_type="container",exit_code="137",reason="OOMKilled"} 1',
  ]);
});

test('what the API server knows to have ended before the start is not counted again', async () => {
  const { table, lines } = setUp();
  const before = { accepted: { containerStatuses: [ended('a', 0, 'Completed')] } as never };
  const worker = new TestOwner(table, { ...status(ended('a', 0, 'Completed')), ...before });
  worker.decide({ ...status(ended('a', 0, 'Completed')), ...before });
  expect(await lines('kubelet_terminated_containers_total{')).toEqual([]);
});

test('the runtime may invent reasons without a series for each', async () => {
  const { table, lines } = setUp();
  const worker = new TestOwner(table, status(running('a')));
  for (let i = 0; i < 100; i++) {
    worker.decide(status(ended('a', 1, `reason ${i}`)));
    worker.decide(status(running('a')));
  }
  expect(await lines('kubelet_terminated_containers_total{')).toHaveLength(51);
});

test('Pods are counted when they come: by their containers, or as orphans of the runtime', async () => {
  const { table, lines } = setUp();
  const worker = new TestOwner(table, status(running('a')));
  worker.decide(status(running('a')));
  worker.decide(status(running('a')));
  new TestOwner(table, { uid: 'orphan', pod: null }).decide({ pod: null });
  expect(await lines('kubelet_containers_per_pod_count_sum')).toEqual(['kubelet_containers_per_pod_count_sum 2']);
  expect(await lines('kubelet_containers_per_pod_count_count')).toEqual(['kubelet_containers_per_pod_count_count 1']);
  expect(await lines('kubelet_orphaned_runtime_pods_total')).toEqual(['kubelet_orphaned_runtime_pods_total 1']);
  expect(await lines('kubelet_managed_ephemeral_containers')).toEqual(['kubelet_managed_ephemeral_containers 1']);
});
