import { definitions, nodeSuiteImages } from '../../hack/images/definitions/index.ts';
import { imagesFor } from './images.ts';
import { knownLists, readList } from './lists.ts';

const spec = (file: string) => ({ file: `test/${file}`, name: 'x' });

test('images that take long to build are for the files that ask for them', () => {
  const few = imagesFor([spec('e2e/apps/daemon_set.go')]);
  expect(few).toContain('nginx');
  expect(few).not.toContain('csi-provisioner');
  expect(imagesFor([spec('e2e/storage/csimock/csi_workload.go')])).toContain('csi-provisioner');
  expect(imagesFor([spec('e2e/storage/csimock/csi_workload.go')])).not.toContain('nonroot');
  expect(imagesFor([spec('e2e/apimachinery/aggregator.go')])).toContain('sample-apiserver');
});

test('all lists together ask for every image but those that only the node suite wants', () => {
  const all = imagesFor(Object.keys(knownLists).flatMap((name) => readList(name)));
  const missing = Object.keys(definitions).filter((name) => ![...all, ...nodeSuiteImages].includes(name as never));
  expect(missing).toEqual(['perl', 'regression-issue-74839']); // of quota_lsci_test.go and conntrack.go, which no list has
});
