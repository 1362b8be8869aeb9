import type { Agent, Sample } from './agents.ts';
import type { Shape } from './pods.ts';

/** One turn of one agent. */
export interface Row {
  readonly agent: Agent;
  readonly shape: Shape;
  readonly sample: Sample;
}

/** The value below which the part q of the list lies. */
export function quantile(list: readonly number[], q: number): number {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

const times = (rows: readonly Row[], agent: Agent, shape: Shape, what: 'starts' | 'deletes'): number[] =>
  rows.filter((r) => r.agent === agent && r.shape === shape).flatMap((r) => r.sample[what]);

/** What an agent takes above the null agent, as a part of what the Go kubelet takes above it; empty without both of them. */
function aboveNull(values: readonly number[], floor: readonly number[], go: readonly number[]): string {
  const part = (quantile(values, 0.5) - quantile(floor, 0.5)) / (quantile(go, 0.5) - quantile(floor, 0.5));
  return Number.isFinite(part) ? part.toFixed(2) : '';
}

function line(label: string, values: readonly number[], floor: readonly number[], go: readonly number[]): string {
  const p50 = quantile(values, 0.5);
  const ratio = p50 / quantile(floor, 0.5);
  return `| ${label} | ${p50.toFixed(0)} | ${quantile(values, 0.9).toFixed(0)} | ${ratio.toFixed(2)} | ${aboveNull(values, floor, go)} |`;
}

/** Medians as ratios to the null agent's of the same run. */
export function ratioTable(rows: readonly Row[]): string {
  const out = ['', '| one at a time | p50 ms | p90 ms | × null agent | above it, × go |', '|---|---|---|---|---|'];
  const agents = [...new Set(rows.map((r) => r.agent))];
  for (const what of ['starts', 'deletes'] as const) {
    for (const shape of new Set(rows.map((r) => r.shape))) {
      const floor = times(rows, 'null', shape, what);
      const go = times(rows, 'go', shape, what);
      for (const agent of agents)
        out.push(
          line(
            `${what === 'starts' ? 'start' : 'delete'}, ${shape}: ${agent}`,
            times(rows, agent, shape, what),
            floor,
            go,
          ),
        );
    }
  }
  return out.join('\n');
}

/** Bursts as ratios to the Go kubelet's of the same run. */
export function burstTable(samples: readonly { readonly label: string; readonly sample: Sample }[]): string {
  const labels = [...new Set(samples.map((s) => s.label))];
  const of = (label: string) => samples.filter((s) => s.label === label).flatMap((s) => s.sample.starts);
  const last = (label: string) =>
    Math.min(...samples.filter((s) => s.label === label).map((s) => Math.max(...s.sample.starts)));
  const out = ['', '| burst | p50 ms | × go | last ms | × go |', '|---|---|---|---|---|'];
  const [goP50, goLast] = [quantile(of('go'), 0.5), last('go')];
  for (const label of labels) {
    const p50 = quantile(of(label), 0.5);
    out.push(
      `| ${label} | ${p50.toFixed(0)} | ${(p50 / goP50).toFixed(2)} | ${last(label).toFixed(0)} | ${(last(label) / goLast).toFixed(2)} |`,
    );
  }
  return out.join('\n');
}
