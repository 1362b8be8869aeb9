import { RejectedVolume } from '../../volumes/volumeError.ts';
import type { ActionContext } from '../outcome.ts';
import type { Services } from './services.ts';
import { mountVolume } from './volume.ts';

test('a volume that the node can never give rejects the Pod, with its reason', async () => {
  const mount = async () => {
    throw new RejectedVolume('VolumeAttachmentLimitExceeded', 'full');
  };
  const services = { volumes: { mount }, volumeContext: {} } as unknown as Services;
  const pod = { metadata: {}, spec: { volumes: [{ name: 'v' }] } };
  const context = { pod, facts: { volumes: {} }, signal: new AbortController().signal, event: () => {} };
  expect(await mountVolume(services, context as unknown as ActionContext, 'v', '')).toEqual({
    admission: { state: 'rejected', reason: 'VolumeAttachmentLimitExceeded', message: 'full' },
  });
});
