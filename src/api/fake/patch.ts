type Json = unknown;
type JsonObject = Record<string, Json>;

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** List fields that a strategic merge joins by a key; all other lists are replaced. From the struct tags of k8s.io/api/core/v1. */
const MERGE_KEYS: Record<string, string> = {
  conditions: 'type',
  addresses: 'type',
  podIPs: 'ip',
  hostIPs: 'ip',
  hostAliases: 'ip',
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  volumes: 'name',
  env: 'name',
  imagePullSecrets: 'name',
  secrets: 'name',
  schedulingGates: 'name',
  resourceClaims: 'name',
  resourceClaimStatuses: 'name',
  allocatedResourcesStatus: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  topologySpreadConstraints: 'topologyKey',
  ownerReferences: 'uid',
};
/** Lists of plain values that are joined as sets. */
const MERGED_SETS = new Set(['finalizers', 'podCIDRs']);

function mergeKey(field: string, items: readonly Json[]): string | undefined {
  if (field !== 'ports') return MERGE_KEYS[field];
  return items.some((item) => isObject(item) && item.containerPort !== undefined) ? 'containerPort' : 'port';
}

function mergeList(field: string, current: readonly Json[], patch: readonly Json[], order: Json): Json {
  if (MERGED_SETS.has(field)) return [...new Set([...current, ...patch])];
  const key = mergeKey(field, [...current, ...patch]);
  if (
    key === undefined ||
    patch.some((item) => isObject(item) && item.$patch === 'replace' && Object.keys(item).length === 1)
  ) {
    return patch.filter((item) => !(isObject(item) && item.$patch === 'replace'));
  }
  let result = [...current];
  for (const item of patch) {
    if (!isObject(item) || item[key] === undefined)
      throw new Error(`a patch item of ${field} lacks its merge key ${key}`);
    const at = result.findIndex((other) => isObject(other) && other[key] === item[key]);
    if (item.$patch === 'delete') result = result.filter((_, index) => index !== at);
    else if (at === -1) result.push(strategicMerge({}, item));
    else result[at] = strategicMerge(result[at], item);
  }
  if (Array.isArray(order)) {
    const rank = (item: Json) => {
      const index = order.findIndex((wanted) => isObject(wanted) && wanted[key] === (item as JsonObject)[key]);
      return index === -1 ? order.length : index;
    };
    result.sort((a, b) => rank(a) - rank(b));
  }
  return result;
}

/** Strategic merge: maps merge, null deletes, known lists join by key, `$patch`, `$retainKeys` and `$setElementOrder` are obeyed. */
export function strategicMerge(current: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  if (patch.$patch === 'replace') return withoutDirectives(patch);
  if (patch.$patch === 'delete') return undefined;
  const base = isObject(current) ? current : {};
  const result: JsonObject = { ...base };
  if (Array.isArray(patch.$retainKeys)) {
    for (const key of Object.keys(result)) if (!patch.$retainKeys.includes(key)) delete result[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$deleteFromPrimitiveList/')) {
      const field = key.slice('$deleteFromPrimitiveList/'.length);
      const kept = ((result[field] as Json[] | undefined) ?? []).filter((item) => !(value as Json[]).includes(item));
      result[field] = kept.length > 0 ? kept : undefined;
    } else if (key.startsWith('$')) {
    } else if (value === null) delete result[key];
    else if (Array.isArray(value)) {
      result[key] = mergeList(key, (base[key] as Json[] | undefined) ?? [], value, patch[`$setElementOrder/${key}`]);
    } else result[key] = strategicMerge(base[key], value);
    if (result[key] === undefined) delete result[key];
  }
  return result;
}

function withoutDirectives(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !key.startsWith('$')));
}

/** RFC 7386. Server-side apply of the fake is this too: it has no field ownership. */
export function mergePatch(current: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(current) ? { ...current } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

interface Operation {
  op: 'add' | 'remove' | 'replace' | 'test' | 'move' | 'copy';
  path: string;
  from?: string;
  value?: Json;
}
type Container = JsonObject | Json[];

function locate(root: Container, pointer: string): { parent: Container; key: string } {
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const key = parts.pop();
  if (key === undefined) throw new Error('a JSON patch cannot replace the whole object');
  let parent: Json = root;
  for (const part of parts) parent = (parent as JsonObject | undefined)?.[part];
  if (typeof parent !== 'object' || parent === null) throw new Error(`JSON patch: no parent for ${pointer}`);
  return { parent: parent as Container, key };
}

function put({ parent, key }: { parent: Container; key: string }, value: Json, insert: boolean): void {
  if (!Array.isArray(parent)) parent[key] = value;
  else parent.splice(key === '-' ? parent.length : Number(key), insert ? 0 : 1, value);
}

function take({ parent, key }: { parent: Container; key: string }): void {
  if ((parent as JsonObject)[key] === undefined) throw new Error(`JSON patch: nothing to remove at ${key}`);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}

/** RFC 6902. Throws where the patch does not apply, a failed `test` included. */
export function jsonPatch(current: Json, operations: readonly Operation[]): Json {
  const root = JSON.parse(JSON.stringify(current)) as Container;
  const read = (pointer: string) => {
    const { parent, key } = locate(root, pointer);
    return (parent as JsonObject)[key];
  };
  for (const { op, path, from, value } of operations) {
    if (op === 'add' || op === 'replace') put(locate(root, path), value, op === 'add');
    else if (op === 'remove') take(locate(root, path));
    else if (op === 'test') {
      if (JSON.stringify(read(path)) !== JSON.stringify(value)) throw new Error(`JSON patch: test of ${path} failed`);
    } else {
      const moved = read(from!);
      if (op === 'move') take(locate(root, from!));
      put(locate(root, path), moved, true);
    }
  }
  return root;
}
