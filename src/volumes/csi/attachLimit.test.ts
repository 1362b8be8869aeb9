import { status } from '@grpc/grpc-js';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { VolumeAttachment } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import { watchAttachLimit } from './attachLimit.ts';

function watch(period: number | undefined) {
  const clock = new ManualClock();
  const asked: string[] = [];
  let attachError: object | undefined;
  const ended = new AbortController();
  const spec = period === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds: period };
  const objects = { get: () => ({ state: 'present', object: { spec } }) } as unknown as ObjectLookup;
  const options = {
    ...{ nodeName: 'n1', clock },
    attachment: async () => ({ status: { attached: false, attachError } }) as unknown as VolumeAttachment,
    updateNow: async (driver: string) => void asked.push(driver),
  };
  const source = { driver: 'd', volumeHandle: 'h' };
  const outcome = watchAttachLimit(options, source, 'data', objects, silentLogger, ended.signal).catch((e) => e);
  let settled: unknown;
  void outcome.then((e) => {
    settled = e;
  });
  const fail = (error: object) => {
    attachError = error;
  };
  return { clock, asked, ended, settled: () => settled, fail };
}

test('a node that is full rejects the Pod, and the driver is asked anew before that', async () => {
  const { clock, asked, settled, fail } = watch(60);
  await clock.advanceAsync(123_000);
  fail({ message: 'quota', errorCode: status.UNAVAILABLE });
  await clock.advanceAsync(123_000);
  expect(settled()).toBeUndefined();
  fail({ message: 'full', errorCode: status.RESOURCE_EXHAUSTED });
  await clock.advanceAsync(123_000);
  expect(asked).toEqual(['d']);
  expect(settled()).toMatchObject({
    reason: 'VolumeAttachmentLimitExceeded',
    message:
      'Node has reached its volume attachment limit, rejecting pod. unmounted volumes=[data], unattached volumes=[data], failed to process volumes=[]: context deadline exceeded',
  });
});

test('without a period in the CSIDriver the Pod waits on; the end of the wait ends the watch', async () => {
  const { clock, settled, fail, ended } = watch(undefined);
  fail({ errorCode: status.RESOURCE_EXHAUSTED });
  await clock.advanceAsync(600_000);
  expect(settled()).toBeUndefined();
  ended.abort();
  await clock.advanceAsync(0);
  expect(clock.pending).toBe(0);
});
