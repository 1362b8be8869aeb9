import { exceededLimit, limitNeeds } from './localLimits.ts';
import { candidate, type TestCandidate, thresholds } from './testing.ts';
import { evictionWords } from './words.ts';

const MI = 1024 * 1024;

describe('what an eviction says, in kubelet 1.36 words', () => {
  const acting = thresholds({
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%', 'pid.available': '1k' },
  });
  const observations = {
    'memory.available': { available: 50 * MI, capacity: 1000 * MI },
    'nodefs.available': { available: 1000, capacity: 20480 },
    'pid.available': { available: 12, capacity: 4000 },
  };
  const say = (resource: Parameters<typeof evictionWords>[0], of: TestCandidate) => {
    const { pod, stats } = candidate('web', of);
    return evictionWords(resource, pod, stats, acting, observations);
  };

  test('memory, with the containers that took more than they asked for', () => {
    const containers = {
      a: { requests: { memory: '100Mi' }, memory: 200 * MI },
      b: { requests: { memory: '1Gi' }, memory: 200 * MI },
      c: { memory: 1000 },
    };
    expect(say('memory', { containers })).toEqual({
      message:
        'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ' +
        'Container a was using 200Mi, request is 100Mi, has larger consumption of memory. ' +
        'Container c was using 1k, request is 0, has larger consumption of memory. ',
      annotations: {
        offending_containers: 'a,c',
        offending_containers_usage: '200Mi,1k',
        starved_resource: 'memory',
      },
    });
  });

  test('local storage: layer and logs together, and only when both are known', () => {
    const containers = { a: { rootfs: 1024, logs: 1024 }, b: { rootfs: 5000 } };
    expect(say('ephemeral-storage', { containers })).toEqual({
      message:
        'The node was low on resource: ephemeral-storage. Threshold quantity: 2Ki, available: 1k. ' +
        'Container a was using 2Ki, request is 0, has larger consumption of ephemeral-storage. ',
      annotations: {
        offending_containers: 'a',
        offending_containers_usage: '2Ki',
        starved_resource: 'ephemeral-storage',
      },
    });
  });

  test('tasks and inodes blame no container', () => {
    const annotations = (starved_resource: string) => ({
      offending_containers: '',
      offending_containers_usage: '',
      starved_resource,
    });
    expect(say('pids', {})).toEqual({
      message: 'The node was low on resource: pids. Threshold quantity: 1k, available: 12. ',
      annotations: annotations('pids'),
    });
    expect(say('inodes', {})).toEqual({
      message: 'The node was low on resource: inodes. ',
      annotations: annotations('inodes'),
    });
  });

  test('a Pod with resources of its own is named too (KEP-2837)', () => {
    const spec = { resources: { requests: { memory: '1024Ki' } } };
    const { message, annotations } = say('memory', { spec, memory: 3 * MI, containers: { a: { memory: 2 * MI } } });
    expect(message).toBe(
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ' +
        'Pod web was using 3Mi, request is 1Mi, has larger consumption of memory. ' +
        'Container a was using 2Mi, request is 0, has larger consumption of memory. ',
    );
    expect(annotations).toMatchObject({ offending_pod: 'web', offending_pod_usage: '3Mi' });
  });

  test('without figures of the Pod: the numbers of the node alone', () => {
    const { pod } = candidate('web');
    expect(evictionWords('memory', pod, undefined, acting, observations)).toEqual({
      message: 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. ',
      annotations: {},
    });
  });
});

describe('limits of the Pod itself', () => {
  const limit = (text: string) => ({ limits: { 'ephemeral-storage': text } });
  const dir = (sizeLimit: string | undefined, used: number | undefined, medium = '') => ({
    name: 'v',
    emptyDir: { ...(sizeLimit === undefined ? {} : { sizeLimit }), medium },
    ...(used === undefined ? {} : { used }),
  });
  const cases: [string, TestCandidate, string | undefined, boolean?][] = [
    ['none', { containers: { a: { rootfs: 1e12 } }, volumes: [dir(undefined, 1e12)] }, undefined],
    ['a volume at its limit', { volumes: [dir('1Ki', 1024)] }, undefined],
    ['a volume above it', { volumes: [dir('1024', 1025)] }, 'Usage of EmptyDir volume "v" exceeds the limit "1024". '],
    [
      'in memory',
      { volumes: [dir('1Mi', 2 * MI, 'Memory')] },
      'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    ],
    ['a limit of 0 is none', { volumes: [dir('0', 5)] }, undefined],
    [
      'a limit that is no number here',
      { volumes: [dir('1e99', 5)], containers: { a: { ...limit('1e99'), rootfs: 9 } } },
      undefined,
    ],
    ['not measured', { volumes: [dir('1', undefined)] }, undefined],
    [
      'a container',
      { containers: { a: { ...limit('1Ki'), rootfs: 1000, logs: 25 }, b: limit('1Mi') } },
      'Container a exceeded its local ephemeral storage limit "1Ki". ',
    ],
    [
      'its layer on another disk',
      { containers: { a: { ...limit('1Ki'), rootfs: 1000, logs: 25 }, b: limit('1Mi') } },
      undefined,
      true,
    ],
    [
      'its logs alone',
      { containers: { a: { ...limit('1Ki'), logs: 1025 }, b: limit('1Mi') } },
      'Container a exceeded its local ephemeral storage limit "1Ki". ',
      true,
    ],
    [
      'the sum, volumes included, before the container',
      { containers: { a: { ...limit('1Ki'), rootfs: 2000 } }, volumes: [dir(undefined, 1000)] },
      'Pod ephemeral local storage usage exceeds the total limit of containers 1Ki. ',
    ],
    [
      'limits are added in the form of the first',
      { containers: { a: { ...limit('1Ki'), rootfs: 9000 }, b: limit('3k') } },
      'Pod ephemeral local storage usage exceeds the total limit of containers 4024. ',
    ],
    ['a sum that is not known', { containers: { a: limit('1Ki') }, walked: false }, undefined],
    [
      'the volume before all',
      { containers: { a: { ...limit('1'), rootfs: 9 } }, volumes: [dir('1', 9)] },
      'Usage of EmptyDir volume "v" exceeds the limit "1". ',
    ],
  ];
  test.each(cases)('%s', (_what, of, message, imageFs = false) => {
    const { pod, stats } = candidate('web', of);
    expect(exceededLimit(pod, stats, imageFs)?.message).toBe(message);
  });

  test('only what has a limit need be measured', () => {
    const needs = (of: TestCandidate) => limitNeeds(candidate('p', of).pod);
    expect(needs({ volumes: [dir(undefined, 0)] })).toEqual({ volumes: false, containers: false });
    expect(needs({ volumes: [dir('1', 0)] })).toEqual({ volumes: true, containers: false });
    expect(needs({ containers: { a: {}, b: limit('1') } })).toEqual({ volumes: false, containers: true });
  });
});
