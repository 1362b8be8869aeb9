import type { Container, Pod } from '../../types/k8s.ts';
import { NO_CLAIMS, needsClaims, withheld } from './dynamicResources.ts';

const container: Container = { name: 'c', image: 'i' };
const podOf = (claims: object[], status: object = {}): Pod =>
  ({ spec: { containers: [container], resourceClaims: claims }, status }) as Pod;

const template = { name: 'gpu', resourceClaimTemplateName: 't' };
const extended = {
  extendedResourceClaimStatus: {
    resourceClaimName: 'p-extended',
    requestMappings: [{ containerName: 'c', resourceName: 'vendor.example/gpu', requestName: 'r' }],
  },
};

test.each<[string, Pod, boolean]>([
  ['no claims', podOf([]), false],
  ['a claim by name', podOf([{ name: 'gpu', resourceClaimName: 'mine' }]), true],
  ['a template whose claim is not there yet', podOf([template]), true],
  [
    'a template whose claim is there',
    podOf([template], { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'x' }] }),
    true,
  ],
  ['a template that needs no claim', podOf([template], { resourceClaimStatuses: [{ name: 'gpu' }] }), false],
  ['an extended resource that a claim backs', podOf([], extended), true],
])('%s must be prepared: %s', (_name, pod, expected) => expect(needsClaims(pod)).toBe(expected));

const gpu = { limits: { 'vendor.example/gpu': '1' } };
test.each<[string, Container['resources'], Pod, string | undefined]>([
  ['nothing', {}, podOf([template]), undefined],
  ['a claim', { claims: [{ name: 'gpu' }] }, podOf([template]), NO_CLAIMS],
  [
    'a claim that is not needed',
    { claims: [{ name: 'gpu' }] },
    podOf([template], { resourceClaimStatuses: [{ name: 'gpu' }] }),
    undefined,
  ],
  ['a resource that a claim backs', gpu, podOf([], extended), NO_CLAIMS],
  ['a device of a plug-in', gpu, podOf([]), undefined],
])('a container that asks for %s', (_name, resources, pod, expected) => {
  expect(withheld(pod, { ...container, resources })).toBe(expected);
});
