import {
  conformanceImages,
  defaultImages,
  type ImageName,
  storageImages,
} from '../../hack/images/definitions/index.ts';
import type { Spec } from './lists.ts';

/** Images that only specs of a few files ask for; some of them take minutes to build. */
const further: readonly (readonly [file: RegExp, images: readonly ImageName[]])[] = [
  [/\/e2e\/(storage|dra)\/|\/e2e_node\/dra/, storageImages],
  [/\/apimachinery\/(aggregator|openapiv3|protocol)/, ['sample-apiserver', 'etcd']],
  [/\/e2e\/kubectl\//, ['nautilus', 'busybox-hub']],
  [/\/e2e\/autoscaling\//, ['resource-consumer']],
  [/\/network\/conntrack/, ['regression-issue-74839']],
];

/** The images that specs ask for: those that most of them use, unless all are of storage, and those of their files. */
export function imagesFor(specs: readonly Spec[]): ImageName[] {
  const onlyStorage = specs.every(({ file }) => file.startsWith('test/e2e/storage/'));
  const wanted = further.filter(([file]) => specs.some((spec) => file.test(spec.file)));
  return [
    ...new Set([...(onlyStorage ? defaultImages : conformanceImages), ...wanted.flatMap(([, images]) => images)]),
  ];
}
