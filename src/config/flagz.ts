import { formatDuration } from '../k8s/duration.ts';
import { FLAGS, type Flag, flagName } from './flagTable.ts';
import type { KubeletConfiguration } from './kubeletConfiguration.ts';
import type { KubeletOptions } from './options.ts';

/** The answer of `/flagz`: every flag with the value in force, whether a flag or a file set it; secrets masked. */
export function toFlagz(config: KubeletConfiguration, options: KubeletOptions): Readonly<Record<string, string>> {
  const byFlag = new Map(Object.entries(options).map(([name, value]) => [flagName(name), value]));
  const all = [...FLAGS.values()].map((flag) => {
    const value = flag.path === undefined ? byFlag.get(flag.name) : at(config, flag.path);
    return [flag.name, shown(flag, value)] as const;
  });
  return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function shown({ row, syntax }: Flag, value: unknown): string {
  if (value === undefined || value === null) return '';
  if (row.secret) return 'CLASSIFIED';
  if (row.kind === 'duration') return formatDuration(value as number);
  if (Array.isArray(value))
    return `[${value.map((item) => (typeof item === 'object' ? JSON.stringify(item) : item)).join(',')}]`;
  if (typeof value !== 'object') return String(value);
  const joint = syntax === 'lessThanMap' ? '<' : '=';
  return Object.entries(value)
    .map(([key, item]) => `${key}${joint}${typeof item === 'object' ? JSON.stringify(item) : item}`)
    .join(',');
}

function at(config: KubeletConfiguration, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], config);
}
