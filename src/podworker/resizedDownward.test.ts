// What a Pod is told of its own resources (downward API) after a resize: in files what is allocated by now, in variables what it started with.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { testNode } from '../ledger/fake/pods.ts';
import { until } from '../lib/fake/until.ts';
import type { Pod, Volume } from '../types/k8s.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';
import { unnoticed } from './fake/unnoticed.ts';

const t = freshNode((world) => {
  world.nodeView = testNode({}, { pods: '200', cpu: '4', memory: '8Gi' });
  return new FakeNode(world);
});

const field = (resource: string, divisor: string) => ({ containerName: 'main', resource, divisor });
const items = [
  { path: 'cpu', resourceFieldRef: field('limits.cpu', '1m') },
  { path: 'memory', resourceFieldRef: field('requests.memory', '1Mi') },
];

function podOf(plugin: string, cpu: string, memory: string, generation: number): Pod {
  const source =
    plugin === 'projected'
      ? { projected: { defaultMode: 0o644, sources: [{ downwardAPI: { items } }] } }
      : { downwardAPI: { items, defaultMode: 0o644 } };
  const main = {
    name: 'main',
    image: 'busybox',
    imagePullPolicy: 'IfNotPresent',
    resources: { requests: { cpu, memory }, limits: { cpu, memory } },
    volumeMounts: [{ name: 'info', mountPath: '/info' }],
    env: [{ name: 'CPU', valueFrom: { resourceFieldRef: field('limits.cpu', '1m') } }],
  };
  const volumes = [{ name: 'info', ...source } as Volume];
  return fakePod('web', { volumes, containers: [main] }, { generation });
}

function told(plugin: string): string {
  const read = (file: string) =>
    readFileSync(join(t.world.root, 'pods/uid-web/volumes', `kubernetes.io~${plugin}`, 'info', file), 'utf8');
  try {
    return `${read('cpu')} ${read('memory')}`;
  } catch {
    return '';
  }
}
const variable = (call: number) => {
  const { request } = t.world.cri.callsTo('CreateContainer')[call]!;
  const { config } = request as { config: { envs: { key: string; value: string }[] } };
  return config.envs.find(({ key }) => key === 'CPU')?.value.toString();
};
const isPending = () => t.node.status('uid-web')?.conditions?.some(({ type }) => type === 'PodResizePending') === true;

describe.each(['downward-api', 'projected'])('%s', (plugin) => {
  test('files follow what is granted, not what is deferred; a container that starts anew has it in its variables', async () => {
    t.node.setPod(podOf(plugin, '500m', '100Mi', 1));
    await until(() => t.node.isReady('uid-web') && t.world.accepted.get('uid-web')?.phase === 'Running');
    expect(told(plugin)).toBe('500 100');
    const assertUnnoticed = unnoticed(t.world, ['uid-web']);
    t.node.setPod(podOf(plugin, '700m', '200Mi', 2));
    await until(() => told(plugin) === '700 200');
    assertUnnoticed();
    t.node.setPod(fakePod('other', { containers: [{ ...plain, resources: { requests: { cpu: '2' } } }] }));
    await until(() => t.node.isReady('uid-other'));
    t.node.setPod(podOf(plugin, '3', '300Mi', 3));
    await until(isPending);
    expect(told(plugin)).toBe('700 200');
    t.world.cri.exitContainer(t.world.cri.containersNamed('main')[0]!.id, 1);
    await until(() => t.world.cri.callsTo('CreateContainer').length === 3);
    expect([variable(0), variable(2)]).toEqual(['500', '700']);
    t.node.deletePod('uid-other', 0);
    await until(() => told(plugin) === '3000 300');
  });
});

const plain = { name: 'busy', image: 'busybox', imagePullPolicy: 'IfNotPresent' };
