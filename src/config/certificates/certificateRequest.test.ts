import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { ipBytes, makeCertificateRequest, nodeSubject } from './certificateRequest.ts';
import { oid } from './der.ts';

/** A reader of DER that shares nothing with the writer. */
interface Node {
  tag: number;
  body: Buffer;
  children: Node[];
  raw: Buffer;
}
function readDer(buffer: Buffer): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at < buffer.length; ) {
    const tag = buffer[at]!;
    let size = buffer[at + 1]!;
    let start = at + 2;
    if (size & 0x80) {
      const digits = size & 0x7f;
      size = buffer.readUIntBE(start, digits);
      start += digits;
    }
    const body = buffer.subarray(start, start + size);
    if (body.length !== size) throw new Error('an element is longer than its parent');
    nodes.push({ tag, body, children: tag & 0x20 ? readDer(body) : [], raw: buffer.subarray(at, start + size) });
    at = start + size;
  }
  return nodes;
}
const decode = (pem: string) => readDer(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'))[0]!;
const flat = (node: Node): Node[] => [node, ...node.children.flatMap(flat)];
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

test.each<[string, () => KeyObject]>([
  ['ECDSA', ec],
  ['RSA', rsa],
])('%s: a request carries the subject and the public key and is signed by the key', (_name, makeKey) => {
  const key = makeKey();
  const [info, , signature] = decode(makeCertificateRequest(nodeSubject('worker-1'), key)).children;
  const publicKey = createPublicKey(key);
  expect(info!.children[2]!.raw.equals(publicKey.export({ type: 'spki', format: 'der' }))).toBe(true);
  expect(verify('sha256', info!.raw, publicKey, signature!.body.subarray(1))).toBe(true);
  const texts = flat(info!.children[1]!).filter(({ tag }) => tag === 0x0c);
  expect(texts.map(({ body }) => body.toString())).toEqual(['system:nodes', 'system:node:worker-1']);
  expect(info!.children[3]!.raw).toEqual(Buffer.from([0xa0, 0]));
});

test('alternative names are one extension request', () => {
  const subject = { ...nodeSubject('n'), dnsNames: ['n', 'n.example'], ips: ['10.1.2.3', 'fd00::5'] };
  const [info] = decode(makeCertificateRequest(subject, ec())).children;
  const octets = flat(info!.children[3]!).find(({ tag }) => tag === 0x04)!;
  const names = readDer(octets.body)[0]!.children;
  expect(names.map(({ tag, body }) => [tag, tag === 0x82 ? body.toString() : body.toString('hex')])).toEqual([
    [0x82, 'n'],
    [0x82, 'n.example'],
    [0x87, '0a010203'],
    [0x87, 'fd000000000000000000000000000005'],
  ]);
});

test('names longer than 127 bytes keep their length', () => {
  const [info] = decode(makeCertificateRequest(nodeSubject('x'.repeat(253)), ec())).children;
  expect(info!.body.toString('latin1')).toContain(`system:node:${'x'.repeat(253)}`);
});

test.each([
  ['192.168.0.1', 'c0a80001'],
  ['::', '0'.repeat(32)],
  ['::1', `${'0'.repeat(31)}1`],
  ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
])('the bytes of %s', (ip, hex) => {
  expect(ipBytes(ip).toString('hex')).toBe(hex);
});

test.each([
  ['2.5.4.3', '0603550403'],
  ['1.2.840.113549.1.9.14', '06092a864886f70d01090e'],
  ['1.2.840.10045.4.3.2', '06082a8648ce3d040302'],
])('object identifier %s', (dotted, hex) => {
  expect(oid(dotted).toString('hex')).toBe(hex);
});
