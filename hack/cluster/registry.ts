import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ImageName } from '../images/definitions/index.ts';
import { type BuiltImage, ensureImages } from '../images/ensure.ts';
import { repoRoot } from '../lib/paths.ts';
import { insideStatus } from './kubelet.ts';
import { net } from './layout.ts';
import { startService, waitForService } from './service.ts';
import type { Cluster } from './state.ts';

/** Starts the registry unless it runs, and makes it serve these images, which are built first where they are missing. */
export async function startRegistry(cluster: Cluster, names: readonly ImageName[]): Promise<BuiltImage[]> {
  const file = path.join(cluster.layout.state, 'images.json');
  const images = await ensureImages(names);
  writeFileSync(file, JSON.stringify(images, null, 2));
  startService(cluster, {
    name: 'registry',
    argv: [process.execPath, path.join(repoRoot, 'hack/images/serve.ts'), String(net.registryPort), file],
    place: 'network',
  });
  await waitForService(cluster, 'registry', 15_000, async () => {
    return (await insideStatus(cluster, net.registryPort, '/v2/')).includes(' 200 ');
  });
  return images;
}
