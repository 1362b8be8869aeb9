import { ManualClock } from '../../lib/fake/manualClock.ts';
import { Attachments } from './attachment.ts';

const source = { driver: 'd', volumeHandle: 'h' };

function world() {
  const clock = new ManualClock();
  const state = { asked: 0, attached: true };
  const attachments = new Attachments({
    clock,
    nodeName: 'n',
    attachment: async (name) => ({
      metadata: { name },
      spec: { attacher: 'd', nodeName: 'n', source: {} },
      status: { attached: state.attached, attachmentMetadata: { asked: String(++state.asked) } },
    }),
  });
  return { clock, state, attachments };
}

test('what staging was told is told to the publishing that follows, without asking again', async () => {
  const { clock, state, attachments } = world();
  expect([await attachments.look(source), await attachments.justNow(source)]).toEqual([{ asked: '1' }, { asked: '1' }]);
  clock.advance(1001);
  expect(await attachments.justNow(source)).toEqual({ asked: '2' });
  expect(state.asked).toBe(2);
});

test('each staging looks anew: the volume may have been detached and attached elsewhere', async () => {
  const { state, attachments } = world();
  await attachments.look(source);
  state.attached = false;
  await expect(attachments.look(source)).rejects.toThrow('volume h is not attached for volume attachment csi-');
});

test('a Pod that comes when the volume is staged already asks for itself', async () => {
  const { attachments } = world();
  await attachments.look({ ...source, volumeHandle: 'other' });
  expect(await attachments.justNow(source)).toEqual({ asked: '2' });
});
