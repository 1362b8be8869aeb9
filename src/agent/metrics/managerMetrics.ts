import { without } from '../../k8s/cpuList.ts';
import type { ManagerCounters } from '../../ledger/managers/counters.ts';
import type { Managers } from '../../ledger/managers/managers.ts';
import { allExclusive } from '../../ledger/rules/cpus/cpuState.ts';
import type { CounterMetric, Metrics } from '../../lib/metrics.ts';

/** Bucket borders of kubelet's metric, in milliseconds. */
const ADMISSION = Array.from({ length: 15 }, (_, i) => 0.05 * 2 ** i);

/** kubelet_cpu_manager_*, kubelet_memory_manager_* and kubelet_topology_manager_*, as far as they are counted. */
export function managerCounters(m: Metrics): ManagerCounters {
  const requests = m.counter(
    'kubelet_topology_manager_admission_requests_total',
    'The number of admission requests where resources have to be aligned.',
  );
  const errors = m.counter(
    'kubelet_topology_manager_admission_errors_total',
    'The number of admission request failures where resources could not be aligned.',
  );
  const duration = m.histogram(
    'kubelet_topology_manager_admission_duration_ms',
    'Duration in milliseconds to serve a pod admission request.',
    ADMISSION,
  );
  const pinning = {
    cpu: pinningCounters(m, 'cpu', 'cpu core'),
    memory: pinningCounters(m, 'memory', 'memory pages'),
  };
  const [aligned, misaligned] = alignmentCounters(m);
  return {
    admission(ms, rejected) {
      requests.inc();
      duration.observe(ms);
      if (rejected) errors.inc();
    },
    pinning(resource, failed) {
      pinning[resource].requests.inc();
      if (failed) pinning[resource].errors.inc();
    },
    aligned: (scope, boundary, failed) => (failed ? misaligned : aligned).inc({ scope, boundary }),
  };
}

type AlignmentCounters = readonly [aligned: CounterMetric, misaligned: CounterMetric];

function alignmentCounters(m: Metrics): AlignmentCounters {
  const labels = ['scope', 'boundary'];
  const name = 'kubelet_container_aligned_compute_resources';
  const what = 'aligned compute resources allocated to containers by alignment type.';
  const failed = 'failures to allocate aligned compute resources to containers by alignment type.';
  return [
    m.counter(`${name}_count`, `Cumulative number of ${what}`, labels),
    m.counter(`${name}_failure_count`, `Cumulative number of ${failed}`, labels),
  ];
}

function pinningCounters(m: Metrics, resource: 'cpu' | 'memory', what: string) {
  const name = `kubelet_${resource}_manager_pinning`;
  return {
    requests: m.counter(`${name}_requests_total`, `The number of ${what} allocations which required pinning.`),
    errors: m.counter(
      `${name}_errors_total`,
      `The number of ${what} allocations which required pinning${resource === 'memory' ? ' that' : ''} failed.`,
    ),
  };
}

/** Alignments that a policy counts are there from the start, as 0. */
function expected(counters: AlignmentCounters, managers: Managers): void {
  const { policy, settings } = managers.snapshot();
  const [aligned] = counters;
  const both = (scope: string, boundary: string) => {
    for (const counter of counters) counter.inc({ scope, boundary }, 0);
  };
  if (policy) {
    both('container', 'physical_cpu');
    aligned.inc({ scope: 'container', boundary: 'uncore_cache' }, 0);
  }
  if (settings.topologyManagerPolicy === 'none') return;
  for (const scope of ['container', 'pod']) both(scope, 'numa_node');
}

/** What is read at each scrape: who has how many CPUs. */
export function managerGauges(m: Metrics, managers: Managers): void {
  expected(alignmentCounters(m), managers);
  m.gauge(
    'kubelet_cpu_manager_shared_pool_size_millicores',
    'The size of the shared CPU pool for non-guaranteed QoS pods, in millicores.',
    [],
    (gauge) => {
      const { policy, cpus } = managers.snapshot();
      gauge.set(policy ? without(cpus.shared, policy.reserved).length * 1000 : 0);
    },
  );
  m.gauge(
    'kubelet_cpu_manager_exclusive_cpu_allocation_count',
    'The total number of CPUs exclusively allocated to containers running on this node',
    [],
    (gauge) => gauge.set(allExclusive(managers.snapshot().cpus).length),
  );
  m.gauge(
    'kubelet_cpu_manager_allocation_per_numa',
    'Number of CPUs allocated per NUMA node',
    ['numa_node'],
    (gauge) => {
      gauge.reset();
      const { policy, cpus } = managers.snapshot();
      for (const cpu of allExclusive(cpus)) {
        gauge.inc({ numa_node: String(policy?.topology.places.get(cpu)?.numa ?? 0) });
      }
    },
  );
}
