/** Everything that a cluster could leave behind, as sorted lines per kind. */
export type Snapshot = Record<
  'processes' | 'mounts' | 'cgroups' | 'links' | 'namespaces' | 'packetFilter' | 'paths',
  string[]
>;

/**
 * What is in `after` and was not in `before`, as readable lines. What names one of the clusters in `others` (which are up
 * on purpose) does not count.
 */
export function diff(before: Snapshot, after: Snapshot, others: readonly string[] = []): string[] {
  const isOther = (line: string): boolean =>
    others.some((name) =>
      [`kubelet-ts-${name}`, `kubelet-ts-dev/${name}`].some((part) => new RegExp(`${part}(?![\\w-])`).test(line)),
    );
  return (Object.keys(after) as (keyof Snapshot)[]).flatMap((kind) => {
    const known = new Set(before[kind]);
    return after[kind].filter((line) => !known.has(line) && !isOther(line)).map((line) => `${kind}: ${line}`);
  });
}
