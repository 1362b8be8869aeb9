import { until } from '../../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakePod, fakeWorld } from '../fake/fakeNode.ts';

let world: FakeWorld;
let node: FakeNode;

beforeEach(async () => {
  world = await fakeWorld();
  node = await new FakeNode(world).start();
});
afterEach(async () => {
  node[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

const image = 'registry.test/private:1';
const pod = fakePod('web', {
  imagePullSecrets: [{ name: 'cred' }],
  containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent' }],
});
const isReady = () =>
  node.status('uid-web')?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
const auth = Buffer.from('me:secret').toString('base64');
const config = Buffer.from(JSON.stringify({ auths: { 'registry.test': { auth } } })).toString('base64');

test("a pull brings the Pod's credentials and names the sandbox that the image is for", async () => {
  node.setObject('Secret default/cred', { metadata: { resourceVersion: '1' }, data: { '.dockerconfigjson': config } });
  node.setPod(pod);
  await until(isReady);
  const [pull] = world.cri.callsTo('PullImage');
  expect(pull!.request).toMatchObject({
    auth: { username: 'me', password: 'secret' },
    sandboxConfig: { metadata: { name: 'web', namespace: 'default', uid: 'uid-web', attempt: 0 } },
  });
  expect(node.events.map((e) => e.reason)).not.toContain('FailedToRetrieveImagePullSecret');
});

test('a Secret that is missing is told; the pull is tried without it', async () => {
  node.setPod(pod);
  await until(isReady);
  expect(node.events).toContainEqual({
    uid: 'uid-web',
    type: 'Warning',
    reason: 'FailedToRetrieveImagePullSecret',
    message: 'Unable to retrieve some image pull secrets (cred); attempting to pull the image may not succeed.',
  });
  expect(world.cri.callsTo('PullImage')).toHaveLength(1);
});
