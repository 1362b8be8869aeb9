import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../lib/run.ts';
import { type Layout, net } from './layout.ts';

interface Certificate {
  name: string;
  /** OpenSSL's subject syntax: /O=…/CN=… */
  subject: string;
  ca: 'ca' | 'front-proxy-ca';
  usage: 'serverAuth' | 'clientAuth';
  names?: string;
}

function certificates(layout: Layout): Certificate[] {
  const client = { ca: 'ca', usage: 'clientAuth' } as const;
  const serviceNames = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  const names = [
    ...[...serviceNames, 'localhost'].map((name) => `DNS:${name}`),
    ...[net.apiService, net.nodeAddress, '127.0.0.1'].map((address) => `IP:${address}`),
  ].join(',');
  return [
    { name: 'apiserver', subject: '/CN=kube-apiserver', ca: 'ca', usage: 'serverAuth', names },
    { name: 'apiserver-kubelet', subject: '/O=system:masters/CN=kube-apiserver-kubelet-client', ...client },
    { name: 'front-proxy', subject: '/CN=front-proxy-client', ca: 'front-proxy-ca', usage: 'clientAuth' },
    { name: 'admin', subject: '/O=system:masters/CN=admin', ...client },
    { name: 'controller-manager', subject: '/CN=system:kube-controller-manager', ...client },
    { name: 'scheduler', subject: '/CN=system:kube-scheduler', ...client },
    { name: 'kube-proxy', subject: '/CN=system:kube-proxy', ...client },
    { name: 'coredns', subject: '/CN=system:coredns', ...client },
    { name: 'metrics-server', subject: '/CN=system:metrics-server', ...client },
    { name: 'node', subject: `/O=system:nodes/CN=system:node:${layout.nodeName}`, ...client },
  ];
}

function request(extensions: string): string {
  return `[req]\ndistinguished_name = dn\nx509_extensions = ext\n[dn]\n[ext]\n${extensions}\n`;
}

async function issue(layout: Layout, name: string, subject: string, extensions: string, ca?: string): Promise<void> {
  const file = (base: string, kind: string): string => path.join(layout.pki, `${base}.${kind}`);
  if (existsSync(file(name, 'crt'))) return;
  const signer = ca ? ['-CA', file(ca, 'crt'), '-CAkey', file(ca, 'key')] : [];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file(name, 'key')];
  const config = file(name, 'cnf');
  writeFileSync(config, request(extensions));
  await run('openssl', [
    'req',
    '-x509',
    '-config',
    config,
    '-subj',
    subject,
    '-days',
    '3650',
    ...key,
    ...signer,
    '-out',
    file(name, 'crt'),
  ]);
}

async function issueLeaf(layout: Layout, { name, subject, ca, usage, names }: Certificate): Promise<void> {
  const extensions = [
    'basicConstraints = critical,CA:FALSE',
    'keyUsage = critical,digitalSignature,keyEncipherment',
    `extendedKeyUsage = ${usage}`,
    ...(names ? [`subjectAltName = ${names}`] : []),
  ];
  await issue(layout, name, subject, extensions.join('\n'), ca);
}

/** Makes the client certificate of one more node, `<nodeName>.crt` and `.key`, for writeKubeconfig; an existing one stays. */
export async function issueNode(layout: Layout, nodeName: string): Promise<void> {
  const subject = `/O=system:nodes/CN=system:node:${nodeName}`;
  await issueLeaf(layout, { name: nodeName, subject, ca: 'ca', usage: 'clientAuth' });
}

/** Makes the cluster's certificate authorities, certificates and service account key; existing ones stay. */
export async function makePki(layout: Layout): Promise<void> {
  mkdirSync(layout.pki, { recursive: true, mode: 0o700 });
  const authority = 'basicConstraints = critical,CA:TRUE\nkeyUsage = critical,digitalSignature,keyCertSign,cRLSign';
  await issue(layout, 'ca', `/CN=kubelet-ts-${layout.name}`, authority);
  await issue(layout, 'front-proxy-ca', `/CN=kubelet-ts-${layout.name}-front-proxy`, authority);
  for (const certificate of certificates(layout)) await issueLeaf(layout, certificate);
  const serviceAccountKey = path.join(layout.pki, 'sa.key');
  if (existsSync(serviceAccountKey)) return;
  await run('openssl', ['genrsa', '-out', serviceAccountKey, '2048']);
  await run('openssl', ['rsa', '-in', serviceAccountKey, '-pubout', '-out', path.join(layout.pki, 'sa.pub')]);
}

/** The file of bearer tokens that the API server accepts; made on first use, with one token for the administrator. */
export function tokenFile(layout: Layout): string {
  const file = path.join(layout.pki, 'tokens.csv');
  if (!existsSync(file)) {
    writeFileSync(file, `${randomBytes(32).toString('hex')},admin-token,admin-token,"system:masters"\n`, {
      mode: 0o600,
    });
  }
  return file;
}

/** The administrator's bearer token, for suites that know no client certificates. */
export function apiToken(layout: Layout): string {
  return readFileSync(tokenFile(layout), 'utf8').split(',')[0] ?? '';
}

/** Writes a kubeconfig with everything in it, for the identity of one certificate. */
export function writeKubeconfig(layout: Layout, certificate: string, server: string, file: string): void {
  const encoded = (name: string): string => readFileSync(path.join(layout.pki, name)).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: layout.name, cluster: { server, 'certificate-authority-data': encoded('ca.crt') } }],
    users: [
      {
        name: certificate,
        user: {
          'client-certificate-data': encoded(`${certificate}.crt`),
          'client-key-data': encoded(`${certificate}.key`),
        },
      },
    ],
    contexts: [{ name: layout.name, context: { cluster: layout.name, user: certificate } }],
    'current-context': layout.name,
  };
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 }); // JSON is YAML
}
