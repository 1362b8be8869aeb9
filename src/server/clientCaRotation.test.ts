import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { TestAuthority } from '../api/fake/certificates.ts';
import { until } from '../lib/fake/until.ts';
import { certificateVerdict } from './auth/clientCertificate.ts';
import { ask, authority, dir, eachOnItsOwn, exchange, identity, openTls, server, start } from './fake/testServer.ts';

const REQUEST = 'GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n';

describe('connections over a change of the certificates', () => {
  eachOnItsOwn();
  const open = () => start({ authorization: { mode: 'AlwaysAllow' } });

  /** A client with an intermediate CA between it and the one of the bundle. */
  function withIntermediate() {
    const intermediate = new TestAuthority(authority);
    const { cert, key } = intermediate.issue('dora');
    return { cert: cert + intermediate.ca, key };
  }

  async function useCa(...bundle: TestAuthority[]): Promise<void> {
    const probe = new TestAuthority();
    writeFileSync(join(dir, 'ca.crt'), [...bundle, probe].map(({ ca }) => ca).join(''));
    const newcomer = probe.issue('carol');
    await until(async () => (await ask('/healthz', newcomer)).status === 200);
  }

  async function renewServing(): Promise<void> {
    const { cert, key } = authority.issue('node');
    writeFileSync(join(dir, 'kubelet.key'), key);
    writeFileSync(join(dir, 'kubelet.crt'), cert);
    const { serialNumber } = new X509Certificate(cert);
    await until(async () => {
      const socket = await openTls();
      const serial = socket.getPeerX509Certificate()?.serialNumber;
      // A handshake that the server has not ended yet would keep its end waiting.
      await exchange(socket, REQUEST);
      socket.destroy();
      return serial === serialNumber;
    });
  }

  test('a handshake held back until its CA has gone does not get in', async () => {
    await open();
    const accepted = once(server.secure.server, 'connection');
    const held = connect(server.secure.port, '127.0.0.1');
    await accepted;
    await useCa();
    const socket = await openTls({ ...identity, socket: held });
    expect(await exchange(socket, REQUEST)).toContain('401 Unauthorized');
    socket.destroy();
  });

  test('a handshake held back over a change that keeps its CA gets in, intermediate or not', async () => {
    await open();
    for (const client of [identity, withIntermediate()]) {
      const accepted = once(server.secure.server, 'connection');
      const held = connect(server.secure.port, '127.0.0.1');
      await accepted;
      await useCa(authority);
      const socket = await openTls({ ...client, socket: held });
      expect(await exchange(socket, REQUEST)).toContain('200 OK');
      socket.destroy();
    }
  });

  test('a client with an intermediate keeps its connection over renewals, and loses it with its CA', async () => {
    await open();
    const socket = await openTls(withIntermediate());
    expect(await exchange(socket, REQUEST)).toContain('200 OK');
    await renewServing();
    expect(await exchange(socket, REQUEST)).toContain('200 OK');
    await useCa(authority);
    expect(await exchange(socket, REQUEST)).toContain('200 OK');
    await useCa();
    expect(await exchange(socket, REQUEST)).toContain('401 Unauthorized');
    socket.destroy();
  });

  test('a CA that was taken away is gone though the serving certificate cannot be used', async () => {
    await open();
    const socket = await openTls(identity);
    writeFileSync(join(dir, 'kubelet.crt'), 'half written');
    writeFileSync(join(dir, 'ca.crt'), new TestAuthority().ca);
    await until(async () => (await ask('/healthz', identity)).status === 401);
    expect(await exchange(socket, REQUEST)).toContain('401 Unauthorized');
    socket.destroy();
  });
});

describe('the chain of a connection that is older than the CA', () => {
  const root = new TestAuthority();
  const [outer, expired] = [new TestAuthority(root), new TestAuthority(root, -1)];
  const inner = new TestAuthority(outer);
  const old = new TestAuthority(undefined, -1);
  const now = Date.now();

  const x509 = ({ ca }: TestAuthority) => new X509Certificate(ca);
  const noCa = (authority: TestAuthority) => Object.defineProperty(x509(authority), 'ca', { value: false });
  /** As TLS gives it: the client's own certificate with the others that it showed, in its order. */
  const showing = (signer: TestAuthority, ...others: X509Certificate[]) => {
    const own = new X509Certificate(signer.issue('alice').cert);
    [own, ...others].reduce((at, value) => Object.defineProperty(at, 'issuerCertificate', { value }) && value);
    return own;
  };

  test.each<[string, 'user' | 'untrusted', X509Certificate, TestAuthority[]]>([
    ['signed by the CA', 'user', showing(root), [root]],
    ['signed by one of several', 'user', showing(root), [outer, old, root]],
    ['signed by another', 'untrusted', showing(new TestAuthority()), [root]],
    ['one intermediate', 'user', showing(outer, x509(outer)), [root]],
    ['the intermediate itself is in the bundle', 'user', showing(outer), [outer]],
    ['two', 'user', showing(inner, x509(inner), x509(outer)), [root]],
    ['two in the wrong order', 'user', showing(inner, x509(outer), x509(inner)), [root]],
    ['with the CA itself', 'user', showing(outer, x509(outer), x509(root)), [root]],
    ['a link is missing', 'untrusted', showing(inner, x509(inner)), [root]],
    ['shown but not its signer', 'untrusted', showing(new TestAuthority(), x509(outer)), [root]],
    ['the CA that it shows is not ours', 'untrusted', showing(outer, x509(outer), x509(root)), [new TestAuthority()]],
    ['an intermediate that is no CA', 'untrusted', showing(outer, noCa(outer)), [root]],
    ['an expired intermediate', 'untrusted', showing(expired, x509(expired)), [root]],
    ['an expired CA', 'untrusted', showing(old), [old]],
    ['an empty bundle', 'untrusted', showing(root), []],
  ])('%s: %s', (_name, state, certificate, bundle) => {
    const socket = { authorized: true, authorizationError: null as never, getPeerX509Certificate: () => certificate };
    expect(certificateVerdict(socket, 1, { epoch: 2, certificates: bundle.map(x509) }, now).state).toBe(state);
  });
});
