import { observedState } from './containerState.ts';
import { oc } from './testing.ts';

test.each([
  [0, 0, 1],
  [3, 0, 4],
  [1, 1, 2],
  [0, 1, 1],
])('RestartAllContainers: %i restarts told, the new container counts %i: %i', (told, counts, shown) => {
  const old = {
    name: 'a',
    restartCount: told,
    ready: false,
    image: '',
    imageID: '',
    containerID: 'containerd://before',
    state: { terminated: { exitCode: 1 } },
  };
  const fresh = oc('a', 'running', { id: 'after', restartCount: counts });
  expect(observedState(fresh, old, 'containerd', false).restartCount).toBe(shown);
});
