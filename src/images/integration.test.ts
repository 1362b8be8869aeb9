import { status } from '@grpc/grpc-js';
import { connectCri } from '../cri/client.ts';
import { startFakeCri } from '../cri/fake/fakeCri.ts';
import { realClock } from '../lib/clock.ts';
import { until } from '../lib/fake/until.ts';
import { ImageManager } from './imageManager.ts';

async function setUp() {
  const own = new AsyncDisposableStack();
  const runtime = own.use(await startFakeCri());
  const cri = own.use(connectCri({ runtimeEndpoint: runtime.endpoint }));
  return { own, runtime, manager: new ImageManager(cri, realClock) };
}

test('pulls through the real client', async () => {
  const { own, runtime, manager } = await setUp();
  await using _ = own;
  runtime.images.onPull('app:latest', { uid: 7, sizeBytes: 123 });
  const outcome = await manager.ensure({ podUid: 'p', image: 'app', policy: 'IfNotPresent' });
  expect(outcome).toMatchObject({ do: 'use', user: { uid: 7 } });
  expect(manager.fact('p', 'app')).toMatchObject({ present: true, size: 123 });
});

test('the runtime error reaches the message with its code', async () => {
  const { own, runtime, manager } = await setUp();
  await using _ = own;
  runtime.images.onPull('gone:1', { error: { code: status.NOT_FOUND, message: 'no such image' } });
  runtime.images.onPull('odd:1', { error: { code: status.UNKNOWN, message: 'RegistryUnavailable: closed' } });
  expect(await manager.ensure({ podUid: 'p', image: 'gone:1', policy: 'Always' })).toMatchObject({
    reason: 'ErrImagePull',
    message: 'rpc error: code = NotFound desc = no such image',
  });
  expect(await manager.ensure({ podUid: 'p', image: 'odd:1', policy: 'Always' })).toMatchObject({
    reason: 'RegistryUnavailable',
    message: 'image pull failed for odd:1 because the registry is unavailable: closed',
  });
});

test('shows progress, and cancels the call when nobody wants the image any more', async () => {
  const { own, runtime, manager } = await setUp();
  await using _ = own;
  runtime.images.onPull('slow:1', { delayMs: 60_000, sizeBytes: 1000 });
  const gone = new AbortController();
  const pull = manager.ensure({ podUid: 'p', image: 'slow:1', policy: 'Always', signal: gone.signal });
  await until(() => runtime.images.transfers().length === 1);
  await manager.refreshProgress();
  expect(manager.fact('p', 'slow:1').pulling?.progress).toMatchObject({ total: 1000, parts: 1, shared: false });
  gone.abort(new Error('the Pod is gone'));
  await expect(pull).rejects.toThrow('the Pod is gone');
  await until(() => runtime.images.transfers().length === 0);
});
