/** What a request asks of the node, in the API's words. */
export interface NodeAttributes {
  /** The API verb; empty for methods that have none (HEAD, OPTIONS …). */
  readonly verb: string;
  /** Subresources of `nodes`, one of which must be allowed; looked at in this order. */
  readonly subresources: readonly string[];
}

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** KEP-2862: a narrow permission is asked for first, the old wide one (`proxy`) afterwards. */
const FINE: readonly (readonly [string, string])[] = [
  ['/pods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
  ['/runningpods', 'pods'],
];

const COARSE: readonly (readonly [string, string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
  ['/statusz', 'statusz'],
  ['/flagz', 'configz'],
];

const isAt = (path: string, base: string) => path === base || path.startsWith(`${base}/`);
const find = (table: readonly (readonly [string, string])[], path: string) =>
  table.find(([base]) => isAt(path, base))?.[1];

/** Maps a request to node permissions as kubelet 1.36 does (pkg/kubelet/server/auth.go). */
export function nodeAttributes(method: string, path: string): NodeAttributes {
  const fine = find(FINE, path);
  const coarse = find(COARSE, path) ?? 'proxy';
  return { verb: VERBS[method] ?? '', subresources: fine === undefined ? [coarse] : [fine, coarse] };
}
