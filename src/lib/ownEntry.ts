/**
 * What a table has under a name that somebody else chose, as a Pod chooses those of its containers and volumes; never what every object
 * inherits: a container may be called `constructor`.
 */
export function ownEntry<T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}
