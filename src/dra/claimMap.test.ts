import { newClaim } from './book.ts';
import { claimMap, claimMapText } from './claimMap.ts';

test('the map of claims: what they have of whom, and for whom', () => {
  const name = (uid: string) => `ns/${uid}`;
  expect(claimMapText(claimMap([], name))).toBe('');
  const shared = newClaim('u1', 'shared', 'ns', ['gpu.example', 'nic.example']);
  shared.drivers.set('gpu.example', [
    { driver: 'gpu.example', pool: 'node', device: 'gpu-0', requestNames: [], cdiDeviceIds: ['x=y'] },
  ]);
  shared.prepared = true;
  for (const pod of ['b', 'a']) shared.pods.add(pod);
  const other = newClaim('u2', 'odd\u001b[2J', 'ns', ['gpu.example']);
  other.pods.add('c');
  const map = claimMap([shared, other], name);
  expect(map.claims[1]).toEqual({
    claim: 'ns/shared',
    prepared: true,
    devices: [{ driver: 'gpu.example', pool: 'node', device: 'gpu-0' }],
    without: ['nic.example'],
    pods: ['ns/a', 'ns/b'],
  });
  expect(claimMapText(map)).toBe(
    'Claim ns/odd\\u001b[2J, Pods ns/c: nothing of driver gpu.example; its drivers have not prepared it since the kubelet started\n' +
      'Claim ns/shared, Pods ns/a, ns/b: gpu-0 of pool node of driver gpu.example, nothing of driver nic.example\n',
  );
});
