/** One value of a metric. */
export interface PrometheusSample {
  /** Labels, or what `labelText` made of them. */
  readonly labels: Readonly<Record<string, string>> | string;
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
  let text = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
  for (const { labels, value, atMs } of samples) {
    const named = typeof labels === 'string' ? labels : labelText(labels);
    const at = atMs === undefined ? '' : ` ${Math.round(atMs)}`;
    text += `${name}${named === '' ? '' : `{${named}}`} ${value}${at}\n`;
  }
  return text;
}

/** Labels as they stand between the braces. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  let text = '';
  for (const [key, value] of Object.entries(labels)) text += `${text === '' ? '' : ','}${key}="${escaped(value)}"`;
  return text;
}

function escaped(text: string): string {
  return /[\\"\n]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : text;
}
