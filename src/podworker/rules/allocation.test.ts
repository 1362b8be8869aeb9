import type { Pod, ResourceRequirements } from '../../types/k8s.ts';
import { allocatedBefore, resizeText } from './allocation.ts';

const cpu = (requests: string, limits?: string): ResourceRequirements => ({
  requests: { cpu: requests },
  ...(limits !== undefined && { limits: { cpu: limits } }),
});
const podOf = (resources: ResourceRequirements, more: Partial<Pod> = {}, spec: object = {}): Pod => ({
  ...more,
  metadata: { generation: 2 },
  spec: { containers: [{ name: 'c', image: 'i', resources }, { name: 'other' }], ...spec } as never,
});

test('the sentence of an event: the resources of all containers in the order of Go', () => {
  const { spec } = podOf({}, {}, { initContainers: [{ name: 'i' }] });
  const resources = { containers: { c: cpu('2', '4'), i: cpu('1') } };
  expect(resizeText('Pod resize error', spec!, resources, 2, 'no room')).toBe(
    'Pod resize error: {"initContainers":[{"name":"i","resources":{"requests":{"cpu":"1"}}}],"containers":[{"name":"c","resources":{"limits":{"cpu":"4"},"requests":{"cpu":"2"}}},{"name":"other","resources":{}}],"generation":2,"error":"no room"}',
  );
});

describe('what an earlier kubelet gave a Pod', () => {
  const had = { resources: cpu('1', '2'), allocatedResources: { cpu: '1' } };
  const status = (more: object): Partial<Pod> => ({
    status: { containerStatuses: [{ name: 'c', ...had }], ...more } as never,
  });
  const pending = { observedGeneration: 2, conditions: [{ type: 'PodResizePending', status: 'True' }] };
  const rows: [string, ResourceRequirements, object, ResourceRequirements][] = [
    ['a resize that was refused', cpu('5', '6'), pending, cpu('1', '2')],
    ['a resize that nobody has seen', cpu('5', '6'), { observedGeneration: 1 }, cpu('1', '2')],
    ['a limit that is added', { ...cpu('1', '2'), limits: { cpu: '2', memory: '1Gi' } }, pending, cpu('1', '2')],
    ['nothing that changed since', cpu('1', '3'), { observedGeneration: 2 }, cpu('1', '3')],
    ['a status without a generation', cpu('5', '6'), {}, cpu('5', '6')],
  ];
  test.each(rows)('%s', (_name, asked, more, given) => {
    expect(allocatedBefore(podOf(asked, status(more))).containers.c).toEqual(given);
  });

  test('nothing yet: it is given what it asks for', () => {
    const pod = podOf(cpu('5'), { status: { observedGeneration: 1 } as never });
    expect(allocatedBefore(pod).containers.c).toEqual(cpu('5'));
  });

  test('as a whole, less its overhead', () => {
    const whole = { allocatedResources: { cpu: '1100m', memory: '1Gi' }, resources: { limits: { cpu: '2100m' } } };
    const spec = { resources: { requests: { cpu: '3' }, limits: { cpu: '4' } }, overhead: { cpu: '100m' } };
    const given = allocatedBefore(podOf({}, status({ ...pending, ...whole }), spec));
    expect(given.pod).toEqual({ requests: { cpu: '1000000000n' }, limits: { cpu: '2000000000n' } });
  });
});
