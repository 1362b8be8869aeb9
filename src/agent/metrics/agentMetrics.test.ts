import { resolveGates } from '../../config/featureGates.ts';
import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import { PodTable } from '../../pods/table.ts';
import { TestOwner } from '../../pods/testing/owner.ts';
import { AgentMetrics } from './agentMetrics.ts';
import { ProbeMetrics } from './probeMetrics.ts';
import { Slis } from './slis.ts';

/** It stands still: how long a test takes is no part of what is measured. */
const NOW = Date.now();
const pod = allocatedAsAsked({
  metadata: { creationTimestamp: new Date(NOW - 3000).toISOString() },
  spec: { containers: [{ name: 'c', image: 'i' }], initContainers: [{ name: 'i' }] },
});
const started = (phase: string, running: boolean) => ({
  pod,
  observed: { sandboxes: [{ ready: true }], containers: [{ state: 'running' }, { state: 'exited' }] } as never,
  status: { phase, containerStatuses: [{ state: running ? { running: {} } : {} }] } as never,
});
function setUp() {
  const table = new PodTable();
  const metrics = new AgentMetrics('n', 'v1.36.3', table, () => NOW);
  return { metrics, worker: new TestOwner(table, started('Running', true)) };
}
const value = (text: string, series: string) =>
  text
    .split('\n')
    .find((l) => l.startsWith(`${series} `))
    ?.split(' ')[1];

test('calls to the runtime, by operation', async () => {
  const { metrics } = setUp();
  metrics.call({ method: 'RunPodSandbox', startMono: 0, endMono: 40, error: undefined });
  metrics.call({ method: 'RunPodSandbox', startMono: 0, endMono: 40, error: new Error() as never });
  const text = await metrics.text();
  expect(value(text, 'kubelet_runtime_operations_total{operation_type="run_podsandbox"}')).toBe('2');
  expect(value(text, 'kubelet_runtime_operations_errors_total{operation_type="run_podsandbox"}')).toBe('1');
  expect(value(text, 'kubelet_runtime_operations_duration_seconds_sum{operation_type="run_podsandbox"}')).toBe('0.08');
});

test('effects: sandboxes and containers, with their kinds and errors', async () => {
  const { metrics } = setUp();
  const start = (container: string) => ({ kind: 'startContainer', slot: 's', container, containerId: 'x' }) as const;
  const create = (container: string) => ({ kind: 'createContainer', slot: 's', container }) as never;
  const sandbox = { kind: 'createSandbox', slot: 'sandbox', attempt: 0 } as const;
  metrics.action('u', sandbox, 10, undefined, 'kata');
  metrics.action('u', sandbox, 10, new Error('no'));
  metrics.action('u', create('c'), 10, undefined);
  metrics.action('u', start('c'), 10, undefined);
  metrics.action('u', create('i'), 10, undefined);
  metrics.action('u', start('i'), 10, { reason: 'RunContainerError' });
  const text = await metrics.text();
  expect(value(text, 'kubelet_started_pods_total')).toBe('2');
  expect(value(text, 'kubelet_started_pods_errors_total')).toBe('1');
  expect(value(text, 'kubelet_run_podsandbox_duration_seconds_count{runtime_handler="kata"}')).toBe('1');
  expect(value(text, 'kubelet_started_containers_total{container_type="init_container"}')).toBe('1');
  expect(value(text, 'kubelet_started_containers_total{container_type="container"}')).toBe('1');
  const failed = 'kubelet_started_containers_errors_total{container_type="init_container",code="RunContainerError"}';
  expect(value(text, failed)).toBe('1');
});

test('Pods with user namespaces: each attempt, and each that failed once', async () => {
  const table = new PodTable();
  const metrics = new AgentMetrics('n', 'v1.36.3', table, () => Date.now());
  const mine = allocatedAsAsked({ spec: { ...pod.spec!, hostUsers: false } });
  const worker = new TestOwner(table, { ...started('Pending', false), pod: mine });
  new TestOwner(table, { ...started('Running', true), uid: 'other' });
  const sandbox = { kind: 'createSandbox', slot: 'sandbox', attempt: 0 } as const;
  const start = { kind: 'startContainer', slot: 's', container: 'c', containerId: 'x' } as const;
  metrics.action('other', sandbox, 10, new Error('no'));
  metrics.action(worker.uid, sandbox, 10, new Error('no'));
  metrics.action(worker.uid, sandbox, 10, undefined);
  metrics.action(worker.uid, start, 10, new Error('no'));
  metrics.action(worker.uid, start, 10, new Error('no'));
  metrics.action(worker.uid, sandbox, 10, undefined);
  worker.decide({ ...started('Running', true), pod: mine });
  metrics.action(worker.uid, start, 10, new Error('later'));
  const text = await metrics.text();
  expect(value(text, 'kubelet_started_user_namespaced_pods_total')).toBe('3');
  expect(value(text, 'kubelet_started_user_namespaced_pods_errors_total')).toBe('2');
});

test('a start is measured once, and only of a Pod that was seen before it ran', async () => {
  const { metrics, worker } = setUp();
  worker.decide(started('Running', true));
  expect(value(await metrics.text(), 'kubelet_pod_start_duration_seconds_count')).toBe('0');
  worker.decide(started('Pending', false));
  worker.decide(started('Running', false));
  worker.decide(started('Running', true));
  worker.decide(started('Running', true));
  const text = await metrics.text();
  expect(value(text, 'kubelet_pod_start_duration_seconds_count')).toBe('1');
  expect(Number(value(text, 'kubelet_pod_start_total_duration_seconds_sum'))).toBeGreaterThan(2);
});

test('gauges are counted at the scrape', async () => {
  const text = await setUp().metrics.text();
  expect(value(text, 'kubelet_running_pods')).toBe('1');
  expect(value(text, 'kubelet_running_containers{container_state="exited"}')).toBe('1');
  expect(value(text, 'kubelet_desired_pods{static=""}')).toBe('1');
  expect(value(text, 'kubelet_node_name{node="n"}')).toBe('1');
  expect(Number(value(text, 'process_resident_memory_bytes'))).toBeGreaterThan(1e6);
});

test('probes and health checks', async () => {
  const probes = new ProbeMetrics();
  const labels = { probe_type: 'Liveness', container: 'c', pod: 'p', namespace: 'n', pod_uid: 'u' };
  probes.attempt({ labels: { ...labels, result: 'failed' }, seconds: 0.1 });
  expect(await probes.text()).toMatch(/prober_probe_total\{.*result="failed".*\} 1\n/);
  const slis = new Slis();
  await slis.text({});
  const text = await slis.text({ syncloop: 'stuck' });
  expect(text).toContain('kubernetes_healthcheck{name="syncloop",type="healthz"} 0');
  expect(text).toContain('kubernetes_healthchecks_total{name="syncloop",type="healthz",status="success"} 1');
  expect(text).toContain('kubernetes_healthchecks_total{name="ping",type="healthz",status="success"} 2');
});

describe('resizes', () => {
  const withCpu = (cpu?: string) =>
    allocatedAsAsked({
      spec: { containers: [{ name: 'c', image: 'i', resources: cpu ? { requests: { cpu } } : {} }] },
    });

  test('are counted when they are asked for, by what becomes of requests and limits', async () => {
    const table = new PodTable();
    const metrics = new AgentMetrics('n', 'v1', table, () => Date.now());
    const owner = new TestOwner(table, { pod: withCpu('1') });
    owner.decide();
    const wanted = { containers: { c: { requests: { cpu: '2' }, limits: { memory: '1Gi' } } } };
    owner.decide({ wanted });
    owner.decide({ wanted });
    owner.decide({ pod: allocatedAsAsked({ spec: { containers: [{ name: 'c', resources: wanted.containers.c }] } }) });
    const text = await metrics.text();
    const counted = text.split('\n').filter((line) => line.startsWith('kubelet_container_requested_resizes_total{'));
    expect(counted).toEqual([
      'kubelet_container_requested_resizes_total{resource="memory",requirement="limits",operation="add"} 1',
      'kubelet_container_requested_resizes_total{resource="cpu",requirement="requests",operation="increase"} 1',
    ]);
  });

  test('that are pending or under way are counted by their conditions', async () => {
    const table = new PodTable();
    const metrics = new AgentMetrics('n', 'v1', table, () => Date.now());
    const conditions = [
      { type: 'PodResizePending', status: 'True', reason: 'Deferred' },
      { type: 'PodResizeInProgress', status: 'True' },
    ];
    new TestOwner(table, { pod: withCpu(), status: { conditions } });
    metrics.action('u', { kind: 'resizePod', slot: 'resize', wanted: { containers: {} } }, 40, undefined);
    metrics.resizes.infeasible('swap_limitation');
    metrics.resizes.deferredAccepted('pod_terminated');
    const text = await metrics.text();
    expect(value(text, 'kubelet_pod_pending_resizes{reason="deferred"}')).toBe('1');
    expect(value(text, 'kubelet_pod_in_progress_resizes')).toBe('1');
    expect(value(text, 'kubelet_pod_resize_duration_milliseconds_sum{success="true"}')).toBe('40');
    expect(value(text, 'kubelet_pod_infeasible_resizes_total{reason_detail="swap_limitation"}')).toBe('1');
    expect(value(text, 'kubelet_pod_deferred_accepted_resizes_total{retry_trigger="pod_terminated"}')).toBe('1');
  });
});

test('feature gates and the build, with the labels that dashboards select by', async () => {
  const { metrics } = setUp();
  metrics.features(resolveGates({ EventedPLEG: true }).gates);
  const text = await metrics.text();
  expect(value(text, 'kubernetes_feature_enabled{name="EventedPLEG",stage="ALPHA"}')).toBe('1');
  expect(value(text, 'kubernetes_feature_enabled{name="MemoryQoS",stage="ALPHA"}')).toBe('0');
  expect(value(text, 'kubernetes_feature_enabled{name="SidecarContainers",stage=""}')).toBe('1');
  expect(text).not.toContain('AllAlpha');
  expect(text).toMatch(
    /^kubernetes_build_info\{major="1",minor="36",git_version="v1.36.3",.*platform="linux\/[^"]+"\} 1$/m,
  );
});

test('the time of a start without init containers, and none of a Pod with a volume that outlasts it', async () => {
  const sli = async (volumes: object[]) => {
    const { metrics, worker } = setUp();
    const own = allocatedAsAsked({ ...pod, spec: { ...pod.spec!, volumes: volumes as never } });
    const init = {
      initContainerStatuses: [
        { state: { terminated: { startedAt: '2026-01-01T00:00:00Z', finishedAt: '2026-01-01T00:00:02Z' } } },
      ],
    };
    const at = (phase: string, running: boolean) => {
      const facts = started(phase, running);
      return { ...facts, pod: own, status: { ...(facts.status as object), ...init } as never };
    };
    worker.decide(at('Pending', false));
    worker.decide(at('Running', true));
    const text = await metrics.text();
    return [
      value(text, 'kubelet_pod_start_sli_duration_seconds_count'),
      Number(value(text, 'kubelet_pod_start_sli_duration_seconds_sum')),
    ];
  };
  const [count, seconds] = await sli([{ name: 'a', emptyDir: {} }]);
  expect(count).toBe('1');
  expect(seconds).toBe(1);
  expect((await sli([{ name: 'a', persistentVolumeClaim: { claimName: 'x' } }]))[0]).toBe('0');
});
