import { until } from '../../lib/fake/until.ts';
import { fakePod } from '../fake/fakePod.ts';
import { freshNode } from '../fake/freshNode.ts';
import type { ActionContext } from '../outcome.ts';
import { decide } from '../rules/decide.ts';
import { active, factsOf, now, podOf } from '../rules/testing.ts';
import { ensureImage } from './ensureImage.ts';
import { imageVolumes } from './imageVolumeSpecs.ts';
import type { Services } from './services.ts';

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

describe('behind gates', () => {
  /** What an attempt asks of the image manager, and what comes of it. */
  async function attempt(container: string, gates: Partial<Services>) {
    const asked: unknown[] = [];
    const ensure = async (request: object) => {
      asked.push(request);
      return { do: 'use', imageId: 'sha256:id', pulled: false };
    };
    const services = {
      images: { ensure, onFact: () => ({ [Symbol.dispose]() {} }) },
      pullSecrets: () => [],
      runtimeHandler: () => 'kata',
      sandboxConfigs: new Map(),
      ...gates,
    };
    const context = { pod: { ...pod, spec: { ...pod.spec, serviceAccountName: 'robot' } }, facts: { uid: 'uid-web' } };
    const outcome = await ensureImage(
      services as unknown as Services,
      { ...context, event: () => {}, pull: () => {} } as unknown as ActionContext,
      container,
      image,
      'IfNotPresent',
      false,
    );
    return { asked: asked[0], outcome };
  }

  test('a provider may be asked on behalf of the service account of the Pod', async () => {
    const { asked, outcome } = await attempt('main', {});
    expect(asked).toMatchObject({
      pod: { namespace: 'default', name: 'web', uid: 'uid-web', serviceAccount: 'robot' },
    });
    expect(asked).not.toHaveProperty('runtimeHandler');
    expect(outcome).toEqual({});
  });

  test('RuntimeClassInImageCriApi: the image is that of the handler', async () => {
    expect((await attempt('main', { imagesByHandler: true })).asked).toMatchObject({ runtimeHandler: 'kata' });
  });

  test.each([
    [false, ''],
    [true, 'kata'],
  ])('RuntimeClassInImageCriApi %s: the image of a volume is of handler %j', (imagesByHandler, runtimeHandler) => {
    const images = { fact: () => ({ ref: image, present: true, imageId: 'sha256:id' }) };
    const services = { images, imagesByHandler, runtimeHandler: () => 'kata' } as unknown as Services;
    const mounting = podOf({ containers: [], volumes: [{ name: 'data', image: { reference: image } }] });
    const context = { pod: mounting, facts: { uid: 'uid-web' } } as unknown as ActionContext;
    expect(imageVolumes(services, context).get('data')).toMatchObject({ image: 'sha256:id', runtimeHandler });
  });

  test('ImageVolumeWithDigest: what the runtime calls the image of a volume becomes a fact, and the status says it', async () => {
    const { outcome } = await attempt('volume:data', { tellsImageVolumes: true });
    expect(outcome).toEqual({ imageVolume: { name: 'data', imageRef: 'sha256:id' } });
    expect((await attempt('main', { tellsImageVolumes: true })).outcome).toEqual({});
    const mounting = podOf({
      containers: [{ name: 'main', image, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
      volumes: [{ name: 'data', image: { reference: image } }],
    });
    const { status } = decide(factsOf(mounting, { imageVolumes: { data: 'sha256:id' } }), active, now);
    expect(status?.containerStatuses?.[0]?.volumeMounts).toEqual([
      { name: 'data', mountPath: '/data', volumeStatus: { image: { imageRef: 'sha256:id' } } },
    ]);
  });
});
