// CPUs and NUMA nodes as the kernel and kubelet write them: `0-3,7`.
import { goQuote } from './goText.ts';

/** More numbers than any kernel can have CPUs; a longer list is a mistake, and is not taken apart. */
const MAX = 65_536;

/** The numbers of a list, ascending, each once. Throws in the words of k8s.io/utils/cpuset. */
export function parseCpuList(text: string): number[] {
  const found = new Set<number>();
  for (const part of text === '' ? [] : text.split(',')) {
    const [first, last = first] = splitOnce(part).map(integer) as [number, number?];
    if (first > (last as number)) throw new Error(`invalid range ${goQuote(part)} (${first} > ${last})`);
    if ((last as number) - first >= MAX || found.size >= MAX)
      throw new Error(`more than ${MAX} CPUs in ${goQuote(part)}`);
    for (let cpu = first; cpu <= (last as number); cpu++) found.add(cpu);
  }
  return ascending(found);
}

function splitOnce(part: string): string[] {
  const dash = part.indexOf('-');
  return dash < 0 ? [part] : [part.slice(0, dash), part.slice(dash + 1)];
}

function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`);
  if (!Number.isSafeInteger(Number(text)))
    throw new Error(`strconv.Atoi: parsing ${goQuote(text)}: value out of range`);
  return Number(text);
}

/** The shortest list of these numbers; empty for none. */
export function formatCpuList(cpus: Iterable<number>): string {
  const parts: string[] = [];
  let first: number | undefined;
  let last = -1;
  const close = () => {
    if (first !== undefined) parts.push(first === last ? `${first}` : `${first}-${last}`);
  };
  for (const cpu of ascending(cpus)) {
    if (first !== undefined && cpu === last + 1) last = cpu;
    else {
      close();
      first = cpu;
      last = cpu;
    }
  }
  close();
  return parts.join(',');
}

/** Each number once, ascending. */
export function ascending(cpus: Iterable<number>): number[] {
  return [...new Set(cpus)].sort((a, b) => a - b);
}

/** Those in one or the other, ascending. */
export function union(a: Iterable<number>, b: Iterable<number>): number[] {
  return ascending([...a, ...b]);
}

/** Those of `a` that are not in `b`, in the order of `a`. */
export function without(a: Iterable<number>, b: Iterable<number>): number[] {
  const out = new Set(b);
  return [...a].filter((cpu) => !out.has(cpu));
}

/** Those of `a` that are in `b` too, in the order of `a`. */
export function common(a: Iterable<number>, b: Iterable<number>): number[] {
  const both = new Set(b);
  return [...a].filter((cpu) => both.has(cpu));
}
