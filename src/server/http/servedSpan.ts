import type { TLSSocket } from 'node:tls';
import type { Tracing } from '../../tracing/spans.ts';
import type { Exchange } from './exchange.ts';

/** Go's names for what our routes call otherwise. */
const GO_NAMES: Readonly<Record<string, string>> = {
  '{namespace}': '{podNamespace}',
  '{pod}': '{podID}',
  '{container}': '{containerName}',
};

/**
 * Runs `handle` in the span of a request, with the name and attributes of otelrestful: `/containerLogs/{podNamespace}/{podID}/{containerName}`. Of a request that may not be
 * made there is none, and the query is in none: it has the commands of exec. As in the Go kubelet, a caller's trace is not continued.
 */
export async function servedSpan(
  tracing: Tracing,
  { request, response, method, path }: Exchange,
  pattern: string,
  handle: () => Promise<void>,
): Promise<void> {
  const { socket, headers, httpVersion } = request;
  const route = pattern.replace(/\{\w+\}/g, (name) => GO_NAMES[name] ?? name);
  const agent = headers['user-agent'];
  const span = tracing.start(route, {
    kind: 'server',
    parent: null,
    attributes: {
      'server.address': 'kubelet',
      'http.request.method': method,
      'url.scheme': (socket as TLSSocket).encrypted ? 'https' : 'http',
      'url.path': path,
      'http.route': route,
      'network.protocol.version': httpVersion,
      ...(socket.remoteAddress && {
        'network.peer.address': socket.remoteAddress,
        'client.address': socket.remoteAddress,
      }),
      ...(socket.localPort && { 'server.port': socket.localPort }),
      ...(socket.remotePort && { 'network.peer.port': socket.remotePort }),
      ...(agent && { 'user_agent.original': agent }),
    },
  });
  response.once('close', () => {
    span.set({ 'http.response.status_code': response.statusCode });
    if (response.statusCode >= 500) span.fail('');
    span.end();
  });
  await tracing.within(span, handle);
}
