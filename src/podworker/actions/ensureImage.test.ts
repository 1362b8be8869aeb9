import { until } from '../../lib/fake/until.ts';
import { fakePod } from '../fake/fakePod.ts';
import { freshNode } from '../fake/freshNode.ts';

const t = freshNode();

const image = 'registry.test/private:1';
const pod = fakePod('web', {
  imagePullSecrets: [{ name: 'cred' }],
  containers: [{ name: 'main', image, imagePullPolicy: 'IfNotPresent' }],
});
const isReady = () => t.node.isReady('uid-web');
const auth = Buffer.from('me:secret').toString('base64');
const config = Buffer.from(JSON.stringify({ auths: { 'registry.test': { auth } } })).toString('base64');

test("a pull brings the Pod's credentials and names the sandbox that the image is for", async () => {
  t.node.setObject('Secret default/cred', {
    metadata: { resourceVersion: '1' },
    data: { '.dockerconfigjson': config },
  });
  t.node.setPod(pod);
  await until(isReady);
  const [pull] = t.world.cri.callsTo('PullImage');
  expect(pull!.request).toMatchObject({
    auth: { username: 'me', password: 'secret' },
    sandboxConfig: { metadata: { name: 'web', namespace: 'default', uid: 'uid-web', attempt: 0 } },
  });
  expect(t.node.events.map((e) => e.reason)).not.toContain('FailedToRetrieveImagePullSecret');
});

test('a Secret that is missing is told; the pull is tried without it', async () => {
  t.node.setPod(pod);
  await until(isReady);
  expect(t.node.events).toContainEqual({
    uid: 'uid-web',
    type: 'Warning',
    reason: 'FailedToRetrieveImagePullSecret',
    message: 'Unable to retrieve some image pull secrets (cred); attempting to pull the image may not succeed.',
  });
  expect(t.world.cri.callsTo('PullImage')).toHaveLength(1);
});
