const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** A page size as control files name it: `2MB`, `1GB`. Undefined for a size that is no round number of a unit. */
export function hugePageName(bytes: number): string | undefined {
  let size = bytes;
  let unit = 0;
  for (; size % 1024 === 0 && size > 0 && unit < UNITS.length - 1; unit++) size /= 1024;
  return size > 0 && size <= 1024 ? `${size}${UNITS[unit]}` : undefined;
}

/** Bytes of a directory of /sys/kernel/mm/hugepages: `hugepages-2048kB`. */
export function hugePageBytes(directory: string): number | undefined {
  const match = /^hugepages-(\d+)kB$/.exec(directory);
  return match ? Number(match[1]) * 1024 : undefined;
}
