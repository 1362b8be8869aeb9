import type { StoredPod } from '../../types/k8s.ts';
import { testPod } from '../fake/pods.ts';
import { hostPortsOf } from './hostPorts.ts';
import { measure } from './measure.ts';
import { choosePreemption } from './preemption.ts';

const holder = (pod: StoredPod) => ({ pod, ...measure(pod), hostPorts: hostPortsOf(pod) });

describe('preemption', () => {
  const critical = testPod('critical', { priority: 2_000_000_000 });
  const guaranteed = (uid: string, cpu: string) =>
    testPod(uid, { requests: { cpu, memory: '1Mi' }, limits: { cpu, memory: '1Mi' } });
  const burstable = (uid: string, cpu: string) => testPod(uid, { requests: { cpu } });
  const lack = (cpu: bigint) => [{ resource: 'cpu', requested: cpu, used: 0n, capacity: 0n }];
  const names = (pods: readonly StoredPod[], cpu: bigint) => {
    const choice = choosePreemption(critical, pods.map(holder), lack(cpu));
    return 'error' in choice ? choice.error : choice.victims.map(({ pod }) => pod.metadata.uid);
  };

  test.each<[string, StoredPod[], bigint, unknown]>([
    ['burstable before guaranteed', [guaranteed('g', '2'), burstable('b', '2')], 1000n, ['b']],
    ['fewest pods', [burstable('s1', '1'), burstable('s2', '1'), burstable('l', '2')], 2000n, ['l']],
    ['smaller of two that suffice', [burstable('l', '3'), burstable('s', '2')], 2000n, ['s']],
    [
      'guaranteed only for the rest',
      [guaranteed('g1', '1'), guaranteed('g2', '2'), burstable('b', '2')],
      3000n,
      ['b', 'g1'],
    ],
    [
      'critical Pods stay',
      [testPod('c2', { priority: 2_000_000_000, requests: { cpu: '4' } }), burstable('b', '1')],
      1000n,
      ['b'],
    ],
    [
      'impossible',
      [burstable('b', '1')],
      2000n,
      'preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]',
    ],
  ])('%s', (_name, pods, cpu, victims) => {
    expect(names(pods, cpu)).toEqual(victims);
  });

  test('a missing Pod slot costs one Pod, the least important', () => {
    const lacking = [{ resource: 'pods', requested: 1n, used: 3n, capacity: 3n }];
    const choice = choosePreemption(
      critical,
      [guaranteed('g', '1'), burstable('b', '1'), testPod('e')].map(holder),
      lacking,
    );
    expect(choice).toMatchObject({ victims: [{ pod: { metadata: { uid: 'e' } } }] });
  });
});
