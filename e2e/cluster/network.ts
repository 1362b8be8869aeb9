// The Pod's network: its own, the node's, and ports of the node.
import assert from 'node:assert/strict';
import { net } from '../../hack/cluster/layout.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from '../lib/collection.ts';
import { create, pod, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const serve = (port: number): string => `mkdir -p /www; hostname > /www/index.html; exec httpd -f -p ${port} -h /www`;

/** What an HTTP server says, asked from the node. */
async function ask(t: TestContext, address: string, port: number): Promise<string> {
  const script = `exec 3<>/dev/tcp/${address}/${port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
  const answer = await waitFor(`an answer of ${address}:${port}`, { timeout: patience }, () =>
    t.lab.onNode('timeout', '5', 'bash', '-c', script).catch(() => undefined),
  );
  return answer.split('\r\n\r\n')[1]?.trim() ?? '';
}

async function podNetwork(t: TestContext): Promise<void> {
  await create(t, pod(t, 'net', { hostname: 'called', containers: [shell('main', serve(8080))] }));
  const { status } = await untilReady(t, 'net');
  assert.match(status?.podIP ?? '', /^10\.244\./);
  assert.deepEqual(status?.podIPs, [{ ip: status?.podIP }]);
  assert.equal(status?.hostIP, net.nodeAddress);
  assert.equal(await ask(t, status?.podIP ?? '', 8080), 'called');
}

async function hostNetwork(t: TestContext): Promise<void> {
  await create(t, pod(t, 'host-net', { hostNetwork: true, containers: [shell('main', serve(21_010))] }));
  const { status } = await untilReady(t, 'host-net');
  assert.equal(status?.podIP, net.nodeAddress);
  await ask(t, '127.0.0.1', 21_010);
}

async function hostPort(t: TestContext): Promise<void> {
  const main = shell('main', serve(8080), { ports: [{ containerPort: 8080, hostPort: 21_020 }] });
  await create(t, pod(t, 'host-port', { containers: [main] }));
  await untilReady(t, 'host-port');
  assert.equal(await ask(t, net.nodeAddress, 21_020), 'host-port');
}

export const network = group('network', [
  test('a Pod has a network of its own', podNetwork),
  test('hostNetwork', hostNetwork),
  test('hostPort', hostPort),
]);
