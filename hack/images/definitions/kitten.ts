import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ImageDefinition } from '../definition.ts';
import { kubernetesFile } from '../kubernetesModule.ts';
import { agnhost } from './agnhost.ts';

function definition(name: 'kitten' | 'nautilus', tag: string): ImageDefinition {
  return {
    name,
    refs: [`registry.k8s.io/e2e-test-images/${name}:${tag}`],
    base: agnhost,
    config: { Entrypoint: ['/agnhost'], Cmd: ['test-webserver'] },
    groups: [],
    packages: [],
    inputs: [import.meta.filename],
    async build({ root }) {
      for (const file of [`${name}.jpg`, 'data.json']) {
        copyFileSync(await kubernetesFile(`test/images/${name}/html/${file}`), path.join(root, file));
      }
      // The image volume spec looks for the name of the distribution that the original is made of.
      mkdirSync(path.join(root, 'etc'));
      const release = 'NAME="Alpine Linux"\nID=alpine\nPRETTY_NAME="Alpine Linux, as a test image"\n';
      writeFileSync(path.join(root, 'etc/os-release'), release);
    },
  };
}

/** The image of image-volume specs and, with nautilus, of update demos. */
export const kitten = definition('kitten', '1.8');
export const nautilus = definition('nautilus', '1.8');
