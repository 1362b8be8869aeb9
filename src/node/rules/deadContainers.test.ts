import type { ObservedContainer } from '../../cri/observed.ts';
import { type DeadContainerPod, deadOfFinished, surplusDead } from './deadContainers.ts';

/** Containers of one Pod, as `name:state:createdAt`, newest first. The id is name and time. */
function pod(uid: string, phase: DeadContainerPod['phase'], ...words: string[]): DeadContainerPod {
  const containers = words.map((word) => {
    const [name = '', state = '', createdAt = ''] = word.split(':');
    return { id: `${name}${createdAt}`, name, state, createdAt: Number(createdAt) } as ObservedContainer;
  });
  return { uid, phase, observed: { uid, name: uid, namespace: 'ns', seq: 1, sandboxes: [], containers } };
}

const policy = { minAgeMs: 0, perContainer: -1, total: -1 };
const gone = (pods: DeadContainerPod[], more: Partial<typeof policy> = {}) =>
  Object.fromEntries(surplusDead(pods, { ...policy, ...more }, 100));

test('without limits nothing goes', () => {
  expect(gone([pod('u', 'Finished', 'a:exited:2', 'a:exited:1')])).toEqual({});
});

test('above the limit of its name the oldest go; what runs counts nowhere', () => {
  const pods = [pod('u', 'Active', 'a:running:9', 'a:exited:3', 'a:exited:2', 'a:exited:1', 'b:exited:1')];
  expect(gone(pods, { perContainer: 1 })).toEqual({ u: ['a2', 'a1'] });
});

test('a limit of none: all go, but for the end that a living Pod still needs', () => {
  const pods = [
    pod('lives', 'Active', 'a:exited:3', 'a:exited:2', 'b:running:3', 'b:exited:1'),
    pod('over', 'Finished', 'a:exited:3'),
    pod('ends', 'Terminating', 'a:exited:3'),
  ];
  expect(gone(pods, { perContainer: 0 })).toEqual({ lives: ['a2', 'b1'], over: ['a3'] });
});

test('a container that is too young counts nowhere', () => {
  const pods = [pod('u', 'Finished', 'a:exited:99', 'a:exited:90', 'a:exited:80')];
  expect(gone(pods, { perContainer: 1, minAgeMs: 5 })).toEqual({ u: ['a80'] });
  expect(gone(pods, { perContainer: 1, minAgeMs: 15 })).toEqual({});
});

describe('too many in all', () => {
  const pods = [
    pod('u', 'Finished', 'a:exited:9', 'a:exited:8', 'a:exited:7', 'a:exited:1'),
    pod('v', 'Finished', 'a:exited:5', 'a:exited:4'),
  ];

  test('first as many of each as there is room for', () => {
    expect(gone(pods, { total: 4 })).toEqual({ u: ['a7', 'a1'] });
  });

  test('then the oldest of all', () => {
    expect(gone(pods, { total: 3 })).toEqual({ u: ['a8', 'a7', 'a1'], v: ['a4'] });
    expect(gone(pods, { total: 1 })).toEqual({ u: ['a8', 'a7', 'a1'], v: ['a4', 'a5'] });
    expect(gone(pods, { total: 0 })).toEqual({ u: ['a8', 'a7', 'a1', 'a9'], v: ['a4', 'a5'] });
  });

  test('enough room: nothing goes', () => expect(gone(pods, { total: 6 })).toEqual({}));

  test('the ends that living Pods need stay, however many they are', () => {
    const living = ['u', 'v', 'w'].map((uid) => pod(uid, 'Active', 'a:exited:9', 'a:exited:8'));
    expect(gone(living, { total: 1 })).toEqual({ u: ['a8'], v: ['a8'], w: ['a8'] });
  });
});

test('on demand: everything dead of Pods that are over', () => {
  const pods = [
    pod('over', 'Finished', 'a:exited:3', 'a:exited:2', 'b:running:1'),
    pod('lives', 'Active', 'a:exited:3', 'a:exited:2'),
  ];
  expect(Object.fromEntries(deadOfFinished(pods))).toEqual({ over: ['a3', 'a2'] });
});
