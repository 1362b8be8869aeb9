import type { KubeletConfiguration } from '../../config/kubeletConfiguration.ts';
import type { ServerHost } from '../host.ts';
import type { Exchange } from './exchange.ts';

export type Method = 'GET' | 'POST' | 'PUT';

/** One endpoint of the kubelet's API. */
export interface Route {
  /** Paths with `{name}` for one segment and `{name*}` at the end for the rest (which may be empty). */
  readonly paths: readonly string[];
  /** Any method when absent, as Go's plain handlers take them. HEAD goes wherever GET does. */
  readonly methods?: readonly Method[];
  /** Also served on the listener without authentication (readOnlyPort). */
  readonly readOnly?: boolean;
  /** Asks for another protocol. */
  readonly upgrades?: boolean;
  /** Why the route answers 405 under this configuration; undefined while it is served. */
  disabled?(config: KubeletConfiguration): string | undefined;
  handle(exchange: Exchange, host: ServerHost): void | Promise<void>;
}

/** kubelet's answer where enableDebuggingHandlers is false. */
export function debuggingDisabled(config: KubeletConfiguration): string | undefined {
  return config.enableDebuggingHandlers ? undefined : 'Debug endpoints are disabled.';
}

/** The values of a pattern's names, or undefined when the path does not match it. Empty segments match nothing. */
function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.slice(1).split('/');
  const given = path.slice(1).split('/');
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    if (part.endsWith('*}')) {
      params[part.slice(1, -2)] = given.slice(i).join('/');
      return given.length >= i ? params : undefined;
    }
    const value = given[i];
    if (value === undefined) return undefined;
    if (part.startsWith('{')) {
      if (value === '') return undefined;
      params[part.slice(1, -1)] = value;
    } else if (part !== value) return undefined;
  }
  return given.length === wanted.length ? params : undefined;
}

/** A route found for a path. */
export interface Match {
  readonly name: string;
  readonly route: Route;
  /** The one of the route's paths that matches. */
  readonly pattern: string;
  readonly params: Readonly<Record<string, string>>;
}

/** The first route whose path matches; the table's order decides between two. */
export function findRoute(table: Readonly<Record<string, Route>>, path: string): Match | undefined {
  for (const [name, route] of Object.entries(table)) {
    for (const pattern of route.paths) {
      const params = matchPath(pattern, path);
      if (params) return { name, route, pattern, params };
    }
  }
  return undefined;
}
