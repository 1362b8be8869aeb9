import path from 'node:path';
import { insideStatus } from '../../hack/cluster/kubelet.ts';
import { tellRuntime, untellRuntime } from '../../hack/cluster/privateRegistry.ts';
import { startService, stopService, waitForService } from '../../hack/cluster/service.ts';
import { ensureImages } from '../../hack/images/ensure.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import type { TestContext } from './test.ts';

/** A registry on the lab's node in which each repository goes wrong in its own way. */
export interface OddRegistry extends AsyncDisposable {
  /** The image that goes wrong in this way (oddRegistryProgram.ts). */
  image(way: string): string;
}

/** Starts it on a port that is the caller's alone. Disposing ends it; what was pulled stays on the node. */
export async function startOddRegistry({ lab: { cluster } }: TestContext, port: number): Promise<OddRegistry> {
  const [name, host] = [`odd-registry-${port}`, `127.0.0.1:${port}`];
  const [built] = await ensureImages(['busybox']);
  const program = path.join(repoRoot, 'e2e/lib/oddRegistryProgram.ts');
  tellRuntime(cluster, host);
  const argv = [process.execPath, program, String(port), built?.directory ?? ''];
  startService(cluster, { name, argv, place: 'network' });
  await waitForService(cluster, name, 15_000, async () => {
    return (await insideStatus(cluster, port, '/v2/')).includes(' 200 ');
  });
  return {
    image: (way) => `${host}/${way}/app:1`,
    async [Symbol.asyncDispose]() {
      await stopService(cluster, name);
      untellRuntime(cluster, host);
    },
  };
}
