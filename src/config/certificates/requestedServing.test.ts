import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../api/client.ts';
import { FakeApiServer } from '../../api/fake/server.ts';
import { realClock } from '../../lib/clock.ts';
import { until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { NodeAddress } from '../../types/k8s.ts';
import { FakeSigner } from './fake/signer.ts';
import { requestedServingCertificate, servingSubject } from './requestedServing.ts';

const at = (...pairs: [string, string][]): NodeAddress[] => pairs.map(([type, address]) => ({ type, address }));

test.each<[string, NodeAddress[], { dnsNames: string[]; ips: string[] } | undefined]>([
  ['no address', [], undefined],
  ['names only', at(['Hostname', 'n'], ['InternalDNS', 'n.local']), undefined],
  [
    'every type, sorted, once',
    at(
      ['InternalIP', '10.0.0.2'],
      ['ExternalIP', '10.0.0.1'],
      ['InternalIP', 'fd00::1'],
      ['Hostname', 'n'],
      ['InternalDNS', 'n'],
      ['ExternalDNS', 'a.example'],
    ),
    { dnsNames: ['a.example', 'n'], ips: ['10.0.0.1', '10.0.0.2', 'fd00::1'] },
  ],
  ['a hostname that is an address', at(['Hostname', '10.0.0.9']), { dnsNames: [], ips: ['10.0.0.9'] }],
  [
    'an empty one and a wrong one',
    at(['InternalIP', ''], ['InternalIP', 'x'], ['InternalIP', '::1']),
    { dnsNames: [], ips: ['::1'] },
  ],
])('the subject for %s', (_name, addresses, names) => {
  const subject = servingSubject('n', addresses);
  if (names) expect(subject).toEqual({ commonName: 'system:node:n', organizations: ['system:nodes'], ...names });
  else expect(subject).toBeUndefined();
});

test('nothing is asked without an address; the certificate serves once it is issued; other addresses are asked for', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'serving-'));
  await using api = await FakeApiServer.start({ tls: true });
  await using client = new ApiClient(api.connection);
  const signer = new FakeSigner(api);
  let addresses = at(['Hostname', 'n']);
  const options = { client, certDir: directory, nodeName: 'n', clock: realClock, log: silentLogger };
  using source = await requestedServingCertificate({ ...options, addresses: () => addresses });
  let changes = 0;
  source.onChange(() => changes++);
  expect(source.current()).toBeUndefined();
  expect(signer.count).toBe(0);
  addresses = at(['InternalIP', '10.0.0.1']);
  source.addressesChanged();
  const request = await signer.issue();
  expect(request.spec.signerName).toBe('kubernetes.io/kubelet-serving');
  await until(() => changes === 1);
  const pair = source.current()!;
  expect(pair.cert).toContain('BEGIN CERTIFICATE');
  expect(source.current()).toBe(pair);
  addresses = at(['InternalIP', '10.0.0.1'], ['ExternalIP', '192.0.2.1']);
  source.addressesChanged();
  await signer.pending();
  expect(source.current()).toBe(pair);
  rmSync(directory, { recursive: true });
});
