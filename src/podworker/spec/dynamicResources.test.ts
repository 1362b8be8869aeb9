import type { Container, Pod } from '../../types/k8s.ts';
import { needsClaims } from './dynamicResources.ts';

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
