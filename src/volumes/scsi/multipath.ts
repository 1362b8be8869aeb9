import type { KindHost } from '../persistent/contract.ts';

const FLUSH_MS = 60_000;

/** Takes a multipath device down. Rejects in kubelet's words while somebody uses it. */
export async function flushMultipath(host: KindHost, device: string): Promise<void> {
  const { code, output } = await host.run({ program: 'multipath', args: ['-f', device], deadlineMs: FLUSH_MS });
  if (code !== 0) throw new Error(`failed to flush multipath device ${device}: exit status ${code}\n${output}`);
}
