import type { Container, Pod, ResourceRequirements } from '../../types/k8s.ts';
import { differs, resourcesOf, withAllocation } from './allocation.ts';

const cpu = (requests: string, limits?: string): ResourceRequirements => ({
  requests: { cpu: requests },
  ...(limits !== undefined && { limits: { cpu: limits } }),
});
const podOf = (resources: ResourceRequirements, spec: object = {}): Pod => ({
  spec: { containers: [{ name: 'c', image: 'i', resources }, { name: 'other' }], ...spec } as never,
});
const given = (pod: Pod) => (pod.spec?.containers ?? []).map((c: Container) => c.resources);

test('a newer version keeps the resources that were allocated, and is newer in everything else', () => {
  const newer = podOf(cpu('2', '4'), { tolerations: [{ key: 'new' }] });
  const pod = withAllocation(newer, resourcesOf(podOf(cpu('1'))));
  expect(given(pod)).toEqual([cpu('1'), undefined]);
  expect(pod.spec?.tolerations).toEqual([{ key: 'new' }]);
});

test('what asks for the same in other words is as it is', () => {
  const newer = podOf(cpu('1000m'));
  expect(withAllocation(newer, resourcesOf(podOf(cpu('1'))))).toBe(newer);
  expect(differs(newer, resourcesOf(podOf(cpu('1'))))).toBe(false);
});

test.each([
  [
    'an init container',
    { initContainers: [{ name: 'i', resources: cpu('1') }] },
    { initContainers: [{ name: 'i', resources: cpu('2') }] },
  ],
  ['the Pod as a whole', { resources: cpu('1') }, { resources: cpu('2') }],
  ['the Pod as a whole, which had none', {}, { resources: cpu('2') }],
])('it asks for more for %s', (_name, was, asked) => {
  const allocation = resourcesOf(podOf({}, was));
  expect(differs(podOf({}, asked), allocation)).toBe(true);
  expect(withAllocation(podOf({}, asked), allocation).spec).toEqual(podOf({}, was).spec);
});

test('a container that the allocation does not name has what it asks for', () => {
  const pod = podOf(cpu('2'), { initContainers: [{ name: 'late', resources: cpu('5') }] });
  const allocated = withAllocation(pod, { containers: { c: cpu('1') } });
  expect(allocated.spec?.initContainers?.[0]?.resources).toEqual(cpu('5'));
  expect(given(allocated)[0]).toEqual(cpu('1'));
});
