import type { ImageDefinition } from '../definition.ts';
import { busybox } from './busybox.ts';

/** The test image under the name by which specs of the Pods API ask for one of Docker's. */
export const busyboxHub: ImageDefinition = {
  ...busybox,
  name: 'busybox-hub',
  refs: ['docker.io/library/busybox:1.36'],
  base: busybox,
  inputs: [import.meta.filename],
  build: async () => {},
};
