/** Where OTLP collectors listen for gRPC. */
export const DEFAULT_ENDPOINT = 'localhost:4317';

/** Why an endpoint cannot be one: kubelet takes host and port, and what gRPC calls dns, unix and unix-abstract. */
export function endpointProblem(endpoint: string): string | undefined {
  if (!endpoint.includes('//')) return undefined;
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(endpoint)?.[1]?.toLowerCase();
  if (scheme === 'dns' || scheme === 'unix' || scheme === 'unix-abstract') return undefined;
  return scheme === undefined
    ? "must be host:port, or begin with 'dns://', 'unix://' or 'unix-abstract://'"
    : `must be host:port, or begin with 'dns://', 'unix://' or 'unix-abstract://'; '${scheme}://' is not supported`;
}

/** The gRPC target of an endpoint. gRPC for Node knows abstract sockets by the name that the kernel gives them. */
export function exportTarget(endpoint: string): string {
  const abstract = /^unix-abstract:(?:\/\/)?(.*)$/i.exec(endpoint);
  if (abstract) return `unix:\0${abstract[1]}`;
  const path = /^unix:\/\/(\/.*)$/i.exec(endpoint);
  return path ? `unix:${path[1]}` : endpoint;
}
