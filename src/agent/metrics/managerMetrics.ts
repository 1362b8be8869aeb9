import { without } from '../../k8s/cpuList.ts';
import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { ManagerCounters } from '../../ledger/managers/counters.ts';
import type { Managers } from '../../ledger/managers/managers.ts';
import { allExclusive } from '../../ledger/rules/cpus/cpuState.ts';

/**
 * kubelet_cpu_manager_*, kubelet_memory_manager_* and kubelet_topology_manager_*, as far as they are counted; with the feature gate
 * PodLevelResourceManagers (`podLevel`) resource_manager_* too.
 */
export function managerCounters(m: Metrics, podLevel = false): ManagerCounters {
  const requests = m.counter('kubelet_topology_manager_admission_requests_total');
  const errors = m.counter('kubelet_topology_manager_admission_errors_total');
  const duration = m.histogram('kubelet_topology_manager_admission_duration_ms');
  const pinning = pinningCounters(m);
  const [aligned, misaligned] = alignmentCounters(m);
  const given = podLevel
    ? {
        allocations: m.counter('resource_manager_allocations_total'),
        errors: m.counter('resource_manager_allocation_errors_total'),
        assignments: m.counter('resource_manager_container_assignments'),
      }
    : undefined;
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
    pinningFailed: (resource) => pinning[resource].errors.inc(),
    allocated: (resource, source, failed) =>
      (failed ? given?.errors : given?.allocations)?.inc({ resource_name: resource, source }),
    assigned: (resource, assignment) =>
      given?.assignments.inc({ resource_name: resource, assignment_type: assignment }),
    aligned: (scope, boundary, failed) => (failed ? misaligned : aligned).inc({ scope, boundary }),
  };
}

function pinningCounters(m: Metrics) {
  return {
    cpu: {
      requests: m.counter('kubelet_cpu_manager_pinning_requests_total'),
      errors: m.counter('kubelet_cpu_manager_pinning_errors_total'),
    },
    memory: {
      requests: m.counter('kubelet_memory_manager_pinning_requests_total'),
      errors: m.counter('kubelet_memory_manager_pinning_errors_total'),
    },
  };
}

type AlignmentCounters = ReturnType<typeof alignmentCounters>;

/** Of what could be aligned, and of what could not. */
function alignmentCounters(m: Metrics) {
  return [
    m.counter('kubelet_container_aligned_compute_resources_count'),
    m.counter('kubelet_container_aligned_compute_resources_failure_count'),
  ] as const;
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
  m.gauge('kubelet_cpu_manager_shared_pool_size_millicores', (gauge) => {
    const { policy, cpus } = managers.snapshot();
    gauge.set(policy ? without(cpus.shared, policy.reserved).length * 1000 : 0);
  });
  m.gauge('kubelet_cpu_manager_exclusive_cpu_allocation_count', (gauge) =>
    gauge.set(allExclusive(managers.snapshot().cpus).length),
  );
  m.gauge('kubelet_cpu_manager_allocation_per_numa', (gauge) => {
    gauge.reset();
    const { policy, cpus } = managers.snapshot();
    for (const cpu of allExclusive(cpus)) {
      gauge.inc({ numa_node: String(policy?.topology.places.get(cpu)?.numa ?? 0) });
    }
  });
}
