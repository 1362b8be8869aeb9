import { socketPathProblem } from '../lib/linux/unixAddress.ts';

/** The gRPC target of an endpoint. Throws on anything but a unix socket that can be connected to; `peer` says in that sentence whose endpoint it is. */
export function socketTarget(endpoint: string, peer: string): string {
  const path = endpoint.replace(/^unix:(?:\/\/(?=\/)|(?=\/(?!\/)))/, '');
  if (!path.startsWith('/')) {
    throw new Error(
      `${peer} endpoint "${endpoint}" is no unix socket; write it as unix:///run/containerd/containerd.sock`,
    );
  }
  const problem = socketPathProblem(path);
  if (problem) throw new Error(`the path of the ${peer} endpoint "${endpoint}" ${problem}`);
  return `unix:${path}`;
}
