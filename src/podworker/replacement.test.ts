// A container that is replaced because its image changed, from the watch to the statuses that are written.
import { until } from '../lib/fake/until.ts';
import type { Pod } from '../types/k8s.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';
import { type RecordedDecision, replay } from './replay.ts';

const t = freshNode();
const uid = 'uid-web';
const policies = ['Always', 'OnFailure', 'Never'];
const of = (name: string, more: object = {}) => ({ name, image: 'busybox', imagePullPolicy: 'IfNotPresent', ...more });

function withImage(pod: Pod, name: string, image: string): Pod {
  const change = <C extends { name: string }>(c: C): C => (c.name === name ? { ...c, image } : c);
  const { containers, initContainers = [] } = pod.spec!;
  const spec = { ...pod.spec, containers: containers.map(change), initContainers: initContainers.map(change) };
  return { ...pod, spec } as Pod;
}

const setImage = (name: string, image: string): void => t.node.setPod(withImage(t.world.pods.get(uid)!, name, image));
const shown = (name: string) => {
  const { containerStatuses = [], initContainerStatuses = [] } = t.node.status(uid) ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((c) => c.name === name);
};
const states = (name: string) =>
  t.world.statuses.get(uid)!.flatMap((s) => {
    const c = [...(s.containerStatuses ?? []), ...(s.initContainerStatuses ?? [])].find((x) => x.name === name);
    return c ? [Object.keys(c.state ?? {})[0]] : [];
  });

/** A Pod whose containers end with 0 when they are asked to. */
async function running(policy: string): Promise<void> {
  for (const name of ['main', 'other', 'side']) t.world.cri.scripts.forContainer(name, { exitCode: 0 });
  const initContainers = [of('side', { restartPolicy: 'Always' })];
  const pod = fakePod('web', { restartPolicy: policy, initContainers, containers: [of('main'), of('other')] } as never);
  t.node.setPod(pod);
  await until(() => t.node.isReady(uid));
  t.world.cri.images.add('newer', { sizeBytes: 1000 });
}

describe.each(policies)('restartPolicy %s, the image of a running container is changed', (policy) => {
  test.each(['main', 'side'])('%s: the new one runs, and the end of the old one is not written', async (name) => {
    await running(policy);
    const first = shown(name)?.containerID;
    setImage(name, 'newer');
    await until(() => shown(name)?.restartCount === 1 && t.node.isReady(uid));
    expect(shown(name)?.containerID).not.toBe(first);
    expect(shown(name)?.state?.running).toBeDefined();
    expect(shown(name)?.lastState?.terminated?.containerID).toBe(first);
    expect(states(name)).not.toContain('terminated');
    expect(t.node.status(uid)?.phase).toBe('Running');
    expect(replay(JSON.parse(JSON.stringify(t.node.trace)) as RecordedDecision[])).toBeUndefined();
  });

  test('the kubelet is killed before the new one is made: the policy decides', async () => {
    await running(policy);
    const stopped = new Promise<void>((resolve) => {
      t.node.beforeEffect = (_, action) => {
        if (action.kind !== 'createContainer') return;
        t.node.crash();
        resolve();
      };
    });
    setImage('main', 'newer');
    await stopped;
    t.node = await new FakeNode(t.world).start();
    const again = policy === 'Always';
    await until(() => (again ? shown('main')?.restartCount === 1 : shown('main')?.state?.terminated !== undefined));
    expect(t.world.cri.containersNamed('main')).toHaveLength(policy === 'Always' ? 2 : 1);
    expect(t.node.status(uid)?.phase).toBe('Running');
  });
});
