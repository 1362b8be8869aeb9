import { detailed } from './convert.ts';
import type { ContainerStatusOut, Signal } from './generated/runtime.ts';
import type { ListedContainer } from './observed.ts';

test.each<[Signal, string | undefined]>([
  ['RUNTIME_DEFAULT', undefined],
  ['SIGTERM', 'SIGTERM'],
  ['SIGRTMINPLUS3', 'SIGRTMIN+3'],
  ['SIGRTMAXMINUS14', 'SIGRTMAX-14'],
])('the stop signal %s is %s in the API', (stopSignal, name) => {
  const status = {
    state: 'CONTAINER_RUNNING',
    reason: '',
    message: '',
    startedAt: '0',
    finishedAt: '0',
    stopSignal,
  } as ContainerStatusOut;
  expect(detailed({} as ListedContainer, status, '').stopSignal).toBe(name);
});
