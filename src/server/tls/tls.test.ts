import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { cipherList, groupList, minVersion } from './cipherSuites.ts';
import { selfSigned } from './selfSigned.ts';

describe('cipher suites', () => {
  test.each([
    ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
    ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
    ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'],
    ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'ECDHE-RSA-AES128-SHA256'],
    ['TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
    ['TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'],
  ])('%s', (name, suite) => {
    const list = cipherList([name]) ?? '';
    expect(list.split(':')).toContain(suite);
    expect(list).toContain('TLS_AES_128_GCM_SHA256');
    createSecureContext({ ciphers: list });
  });

  test('an unknown one is an error that names it; none means Go’s own, each with forward secrecy', () => {
    expect(() => cipherList(['TLS_NONE_WITH_NOTHING'])).toThrow('TLS_NONE_WITH_NOTHING');
    const own = cipherList([]).split(':');
    expect(own).toHaveLength(13);
    for (const suite of own) expect(suite).toMatch(/^(TLS_|ECDHE-)/);
    createSecureContext({ ciphers: own.join(':') });
  });

  test('versions and groups', () => {
    expect(minVersion('')).toBe('TLSv1.2');
    expect(minVersion('VersionTLS13')).toBe('TLSv1.3');
    expect(groupList([4588, 29, 23])).toBe('X25519MLKEM768:X25519:prime256v1');
    createSecureContext({ ecdhCurve: groupList([4588, 29, 23]) });
    expect(() => groupList([1])).toThrow('1 is no known key exchange group');
  });
});

test('the certificate of our own is one that others can read', async () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const made = await selfSigned('node@1', ['node', '10.0.0.1', 'fd00::1:2', '::1'], now);
  const certificate = new X509Certificate(made.cert);
  expect(certificate.subject).toBe('CN=node@1');
  expect(certificate.subjectAltName).toBe(
    'DNS:node, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:1:2, IP Address:0:0:0:0:0:0:0:1',
  );
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.checkHost('node')).toBe('node');
  expect(certificate.checkIP('10.0.0.1')).toBe('10.0.0.1');
  expect(Date.parse(certificate.validTo)).toBe(now + 365 * 86_400_000);
  createSecureContext(made);
});
