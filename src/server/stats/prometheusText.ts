/** One value of a metric. */
export interface PrometheusSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Wall ms of the reading; absent for values that are not readings. */
  readonly atMs?: number | undefined;
}

/** A metric in Prometheus' text form; empty without samples. */
export function prometheusText(
  { name, help, type }: { readonly name: string; readonly help: string; readonly type: string },
  samples: readonly PrometheusSample[],
): string {
  if (samples.length === 0) return '';
  const lines = samples.map(({ labels, value, atMs }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    const at = atMs === undefined ? '' : ` ${Math.round(atMs)}`;
    return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}${at}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function escaped(text: string): string {
  return /[\\"\n]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : text;
}
