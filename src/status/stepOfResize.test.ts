import type { PodStatus } from '../types/k8s.ts';
import { isStepOfResize } from './stepOfResize.ts';

const cpu = (limit: string) => ({ limits: { cpu: limit } });
const ready = { type: 'Ready' as const, status: 'True' as const, observedGeneration: 1 };
const progress = { type: 'PodResizeInProgress' as const, status: 'True' as const };
const app = { name: 'app', image: 'i', imageID: '', ready: true, restartCount: 0, state: { running: {} } };
const before: PodStatus = {
  phase: 'Running',
  observedGeneration: 1,
  conditions: [ready],
  containerStatuses: [{ ...app, resources: cpu('1') }],
};
const during: PodStatus = {
  phase: 'Running',
  observedGeneration: 2,
  conditions: [{ ...ready, observedGeneration: 2 }, progress],
  containerStatuses: [{ ...app, resources: cpu('2'), allocatedResources: { cpu: '2' } }],
};

test.each<[string, boolean, PodStatus | undefined, PodStatus]>([
  ['a resize that began', true, before, during],
  ['one of which a part is carried out', true, during, { ...during, containerStatuses: [app] }],
  ['its end', false, during, before],
  ['its error', false, before, { ...during, conditions: [ready, { ...progress, reason: 'Error', message: 'no' }] }],
  [
    'a container that was restarted for it',
    false,
    before,
    { ...during, containerStatuses: [{ ...app, restartCount: 1 }] },
  ],
  [
    'a Pod that is not Ready any more',
    false,
    before,
    { ...during, conditions: [{ ...ready, status: 'False' }, progress] },
  ],
  ['nothing is known of the API server', false, undefined, during],
])('%s: %s', (_title, passing, accepted, status) => {
  expect(isStepOfResize(accepted, status)).toBe(passing);
});
