import type { Container, Pod, ResourceRequirements } from '../../types/k8s.ts';
import { allocate, allocatedBefore, resizeSummary } from './allocation.ts';

const cpu = (requests: string, limits?: string): ResourceRequirements => ({
  requests: { cpu: requests },
  ...(limits !== undefined && { limits: { cpu: limits } }),
});
const podOf = (resources: ResourceRequirements, more: Partial<Pod> = {}, spec: object = {}): Pod => ({
  ...more,
  metadata: { generation: 2 },
  spec: { containers: [{ name: 'c', image: 'i', resources }, { name: 'other' }], ...spec } as never,
});
const resourcesOf = (pod: Pod) => (pod.spec?.containers ?? []).map((c: Container) => c.resources);

describe('a newer version of a Pod', () => {
  test('keeps the resources that it was given, and says what it asks for', () => {
    const { pod, resize } = allocate(podOf(cpu('2', '4'), {}, { tolerations: [{ key: 'new' }] }), podOf(cpu('1')));
    expect(resourcesOf(pod)).toEqual([cpu('1'), undefined]);
    expect(pod.spec?.tolerations).toEqual([{ key: 'new' }]);
    expect(resize?.containers).toEqual([
      { name: 'c', resources: cpu('2', '4') },
      { name: 'other', resources: {} },
    ]);
    expect(resizeSummary(resize!, 2)).toBe(
      'Pod resize Infeasible: {"containers":[{"name":"c","resources":{"limits":{"cpu":"4"},"requests":{"cpu":"2"}}},{"name":"other","resources":{}}],"generation":2,"error":"In-place resize of Pods is not supported by kubelet-ts on this node"}',
    );
  });

  test('that asks for the same in other words is as it is', () => {
    const newer = podOf(cpu('1000m'));
    expect(allocate(newer, podOf(cpu('1')))).toEqual({ pod: newer });
    expect(allocate(newer, podOf(cpu('1'))).pod).toBe(newer);
  });

  test.each([
    [
      'an init container',
      { initContainers: [{ name: 'i', resources: cpu('1') }] },
      { initContainers: [{ name: 'i', resources: cpu('2') }] },
    ],
    ['the Pod as a whole', { resources: cpu('1') }, { resources: cpu('2') }],
    ['the Pod as a whole, which had none', {}, { resources: cpu('2') }],
  ])('that asks for more for %s', (_name, was, asked) => {
    const { pod, resize } = allocate(podOf({}, {}, asked), podOf({}, {}, was));
    expect(pod.spec).toEqual(podOf({}, {}, was).spec);
    expect(resize).toBeDefined();
  });
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
    expect(resourcesOf(allocatedBefore(podOf(asked, status(more))))[0]).toEqual(given);
  });

  test('nothing yet: it is given what it asks for', () => {
    const pod = podOf(cpu('5'), { status: { observedGeneration: 1 } as never });
    expect(resourcesOf(allocatedBefore(pod))[0]).toEqual(cpu('5'));
  });

  test('as a whole, less its overhead', () => {
    const whole = { allocatedResources: { cpu: '1100m', memory: '1Gi' }, resources: { limits: { cpu: '2100m' } } };
    const spec = { resources: { requests: { cpu: '3' }, limits: { cpu: '4' } }, overhead: { cpu: '100m' } };
    const { pod, resize } = ((asked: Pod) => allocate(asked, allocatedBefore(asked)))(
      podOf({}, status({ ...pending, ...whole }), spec),
    );
    expect(pod.spec?.resources).toEqual({ requests: { cpu: '1000000000n' }, limits: { cpu: '2000000000n' } });
    expect(resize).toBeDefined();
  });
});
