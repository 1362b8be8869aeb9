import type { ListedPod, ObservedPod } from '../../cri/observed.ts';
import { differsFromList } from './listed.ts';

const pod = (sandboxes: object[], containers: object[]) => ({ sandboxes, containers }) as never;
const known: ObservedPod = pod(
  [{ id: 's', ready: true }],
  [
    { id: 'a', state: 'running' },
    { id: 'b', state: 'exited' },
  ],
);

test.each<[string, ObservedPod | null, ListedPod | undefined, boolean]>([
  [
    'in another order',
    known,
    pod(
      [{ id: 's', ready: true }],
      [
        { id: 'b', state: 'exited' },
        { id: 'a', state: 'running' },
      ],
    ),
    false,
  ],
  [
    'a container has ended',
    known,
    pod(
      [{ id: 's', ready: true }],
      [
        { id: 'a', state: 'exited' },
        { id: 'b', state: 'exited' },
      ],
    ),
    true,
  ],
  [
    'the sandbox is not ready',
    known,
    pod(
      [{ id: 's', ready: false }],
      [
        { id: 'a', state: 'running' },
        { id: 'b', state: 'exited' },
      ],
    ),
    true,
  ],
  ['nothing is left', known, undefined, true],
  ['nothing was known, nothing is there', pod([], []), undefined, false],
  ['never read: it is read anyway', null, pod([{ id: 's', ready: true }], []), false],
])('%s', (_, before, listed, differs) => {
  expect(differsFromList(before, listed)).toBe(differs);
});
