import { type Kind, RESOURCES } from '../resources.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** A request as the fake understood it; recorded for assertions. `kind` is undefined for /version, /healthz and the like. */
export interface ApiRequest {
  readonly verb: Verb;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly kind: Kind | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
  /** Common name of the client certificate, if one was shown. */
  readonly clientName: string | undefined;
  /** performance.now() at arrival. */
  readonly at: number;
}

const KIND_OF = new Map(
  Object.entries(RESOURCES).map(([kind, { apiVersion, plural }]) => [`${apiVersion}/${plural}`, kind as Kind]),
);

/** Takes a resource path apart; undefined for any other path. */
export function parsePath(path: string): Pick<ApiRequest, 'kind' | 'namespace' | 'name' | 'subresource'> | undefined {
  const match = /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))\/(.+)$/.exec(path);
  if (!match) return undefined;
  const parts = match[3]!.split('/').map(decodeURIComponent);
  const version = match[1] ?? match[2]!;
  let namespace: string | undefined;
  if (parts[0] === 'namespaces' && parts.length > 2 && KIND_OF.has(`${version}/${parts[2]}`)) {
    namespace = parts[1];
    parts.splice(0, 2);
  }
  const kind = KIND_OF.get(`${version}/${parts[0]}`);
  return kind === undefined ? undefined : { kind, namespace, name: parts[1], subresource: parts[2] };
}

/** The API verb of a method on a collection or an object. */
export function verbOf(method: string, name: string | undefined, watch: boolean): Verb {
  switch (method) {
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return 'delete';
    default:
      if (watch) return 'watch';
      return name === undefined ? 'list' : 'get';
  }
}
