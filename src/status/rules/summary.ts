import type { PodStatus } from '../../types/k8s.ts';

/** What a status PATCH changes, in a few words. */
export function statusSummary(status: PodStatus): string {
  const trueOnes = (status.conditions ?? []).filter((c) => c.status === 'True').map((c) => c.type);
  const words = [
    ...(status.phase ? [status.phase] : []),
    ...(status.reason ? [status.reason] : []),
    ...(status.containerStatuses ?? []).map((c) => `${c.name} ${Object.keys(c.state ?? {})[0] ?? 'unknown'}`),
    ...(trueOnes.length > 0 ? [`(${trueOnes.join(', ')} True)`] : []),
  ];
  return words.join(' ') || Object.keys(status).join(', ');
}
