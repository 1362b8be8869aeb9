import { getCiphers } from 'node:tls';
import { KubeletError } from '../../lib/errors.ts';

/** What Go offers when nothing is configured: OpenSSL's own default has suites without forward secrecy in it. */
const GO_DEFAULT = [
  'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
  'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
  'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
  'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
];

const VERSIONS = {
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
} as const;

/** OpenSSL's name of a version in Go's notation; TLS 1.2 when empty. */
export function minVersion(name: string): (typeof VERSIONS)[keyof typeof VERSIONS] {
  return VERSIONS[(name || 'VersionTLS12') as keyof typeof VERSIONS];
}

/**
 * OpenSSL's list for suites in Go's (IANA's) names: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` → `ECDHE-RSA-AES128-GCM-SHA256`. TLS 1.3
 * names are the same in both. An empty list means Go's default one. Throws on a suite that OpenSSL does not have.
 */
export function cipherList(names: readonly string[]): string {
  if (names.length === 0) return cipherList(GO_DEFAULT);
  const known = new Set(getCiphers());
  const list = names.map((name) => {
    const suite = opensslName(name);
    if (!known.has(suite.toLowerCase())) {
      throw new KubeletError(`tlsCipherSuites: the cipher suite ${name} is not supported or does not exist`, {
        code: 'CipherSuite',
      });
    }
    return suite;
  });
  // Go always offers the suites of TLS 1.3; OpenSSL drops them when a list names only older ones.
  const modern = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
  return [...new Set([...modern, ...list])].join(':');
}

function opensslName(name: string): string {
  const [, exchange, rest] = /^TLS_(.+)_WITH_(.+)$/.exec(name) ?? [];
  if (exchange === undefined || rest === undefined) return name;
  const cipher = rest
    .replace('3DES_EDE_CBC', 'DES-CBC3')
    .replace('CHACHA20_POLY1305_SHA256', 'CHACHA20-POLY1305')
    .replace('CHACHA20_POLY1305', 'CHACHA20-POLY1305')
    .replace(/AES_(\d+)_CBC/, 'AES$1')
    .replace(/AES_(\d+)_/, 'AES$1-')
    .replace('RC4_128', 'RC4')
    .replaceAll('_', '-');
  return exchange === 'RSA' ? cipher : `${exchange.replaceAll('_', '-')}-${cipher}`;
}

const GROUPS: Readonly<Record<number, string>> = {
  23: 'prime256v1',
  24: 'secp384r1',
  25: 'secp521r1',
  29: 'X25519',
  4587: 'SecP256r1MLKEM768',
  4588: 'X25519MLKEM768',
  4589: 'SecP384r1MLKEM1024',
};

/** OpenSSL's list for key exchange groups by their TLS numbers; undefined when empty. Throws on an unknown number. */
export function groupList(ids: readonly number[]): string | undefined {
  if (ids.length === 0) return undefined;
  const names = ids.map((id) => {
    const name = GROUPS[id];
    if (name === undefined)
      throw new KubeletError(`tlsCurvePreferences: ${id} is no known key exchange group`, { code: 'CurvePreference' });
    return name;
  });
  return names.join(':');
}
