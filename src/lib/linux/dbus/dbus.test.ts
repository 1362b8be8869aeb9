import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DBusConnection } from './connection.ts';
import { decodeMessage, encodeMessage, MESSAGE_TYPE, messageLength } from './message.ts';
import { DBusReader } from './reader.ts';
import { completeTypes, type DBusValue } from './signature.ts';
import { DBusWriter } from './writer.ts';

function marshal(signature: string, ...values: DBusValue[]): Buffer {
  const writer = new DBusWriter();
  writer.write(signature, values);
  return writer.bytes();
}

describe('signatures', () => {
  test.each([
    ['', []],
    ['sa(sv)a(sa(sv))', ['s', 'a(sv)', 'a(sa(sv))']],
    ['a{sv}aay', ['a{sv}', 'aay']],
  ])('%s', (signature, types) => expect(completeTypes(signature)).toEqual(types));

  test.each(['a', '(', '(s', '()', 'z', ')', `${'a'.repeat(200)}s`])('%s is refused', (signature) => {
    expect(() => completeTypes(signature)).toThrow('is no D-Bus signature');
  });
});

describe('marshalling, byte by byte as in the specification', () => {
  test.each<[string, DBusValue[], string]>([
    ['yu', [1, 2], '01 000000 02000000'],
    ['b', [true], '01000000'],
    ['t', [2n ** 64n - 1n], 'ffffffffffffffff'],
    ['yt', [7, 5n], '07 00000000000000 0500000000000000'],
    ['s', ['foo'], '03000000 666f6f00'],
    ['g', ['as'], '02 617300'],
    ['as', [['a', 'b']], '0e000000 01000000 6100 0000 01000000 6200'],
    // The padding before the first struct does not count in the length of the array.
    ['a(y)', [[[9]]], '01000000 00000000 09'],
    ['at', [[]], '00000000 00000000'],
    ['v', [{ signature: 't', value: 1n }], '01 7400 0000000000 0100000000000000'],
    ['ay', [new Uint8Array([1, 2])], '02000000 0102'],
  ])('%s %p', (signature, values, hex) => {
    expect(marshal(signature, ...values).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  test('what is written is read again, in the middle of a message too', () => {
    const values: DBusValue[] = [
      'unit',
      [['CPUWeight', { signature: 't', value: 39n }] as DBusValue, ['Wants', { signature: 'as', value: ['a.slice'] }]],
      -5,
      3.5,
      [['k', { signature: 'b', value: false }]],
      'x'.repeat(2000),
    ];
    const bytes = marshal('sa(sv)nda{sv}s', ...values);
    expect(new DBusReader(bytes, true).read('sa(sv)nda{sv}s')).toEqual(values);
  });

  test('a value of another type is refused', () => {
    expect(() => marshal('u', 'text')).toThrow('does not fit');
    expect(() => marshal('t', 1)).toThrow('does not fit');
    expect(() => marshal('as', 'text')).toThrow('does not fit');
    expect(() => marshal('ss', 'one')).toThrow('does not fit');
    expect(() => marshal('v', 'text')).toThrow('does not fit');
    expect(() => marshal('s', 'a\0b')).toThrow('does not fit');
  });

  test('cut or lying bytes are an error, never a wrong value', () => {
    const bytes = marshal('sa(sv)', 'unit', [['A', { signature: 'as', value: ['one', 'two'] }]]);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => new DBusReader(bytes.subarray(0, length), true).read('sa(sv)')).toThrow('cannot be read');
    }
    expect(() => new DBusReader(Buffer.from('ffffffff', 'hex'), true).read('ay')).toThrow('cannot be read');
  });

  test('big-endian peers are understood', () => {
    expect(new DBusReader(Buffer.from('0000000300000000', 'hex'), false).read('u')).toEqual([3]);
  });
});

describe('messages', () => {
  test('a method call, byte by byte (the Hello of every bus client)', () => {
    const bytes = encodeMessage({
      type: MESSAGE_TYPE.call,
      serial: 1,
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'Hello',
      destination: 'org.freedesktop.DBus',
    });
    // As libdbus sends it, but for the order of the header fields, which is free.
    const field = (code: string, type: string, length: string, text: string) =>
      `${code}01${Buffer.from(type).toString('hex')}00${length}000000${Buffer.from(text).toString('hex')}00`;
    const expected = [
      '6c01000100000000010000006d000000',
      `${field('01', 'o', '15', '/org/freedesktop/DBus')}0000`,
      `${field('02', 's', '14', 'org.freedesktop.DBus')}000000`,
      `${field('03', 's', '05', 'Hello')}0000`,
      `${field('06', 's', '14', 'org.freedesktop.DBus')}000000`,
    ].join('');
    expect(bytes.toString('hex')).toBe(expected);
    expect(messageLength(bytes)).toBe(bytes.length);
  });

  test('read again', () => {
    const message = {
      type: MESSAGE_TYPE.error,
      serial: 9,
      replySerial: 4,
      errorName: 'org.example.No',
      signature: 's',
      body: ['why'],
    };
    expect(decodeMessage(encodeMessage(message))).toEqual(message);
  });

  test('other protocols and huge messages are refused', () => {
    expect(() => messageLength(Buffer.from('HTTP/1.1 200 OK\r\n'))).toThrow('does not speak D-Bus');
    const huge = Buffer.alloc(16);
    huge[0] = 0x6c;
    huge.writeUInt32LE(2 ** 31, 4);
    expect(() => messageLength(huge)).toThrow('larger than allowed');
  });
});

describe('a connection', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dbus-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  test('a peer that refuses or is absent is one sentence', async () => {
    const path = join(directory, 'refusing');
    const server = createServer((socket) => socket.resume().end('REJECTED\r\n'));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await expect(DBusConnection.open(path, 5_000)).rejects.toThrow(`at ${path}: it refused: REJECTED`);
    await expect(DBusConnection.open(join(directory, 'absent'), 5_000)).rejects.toThrow('ENOENT');
    await new Promise((resolve) => server.close(resolve));
  });

  test('replies that come in pieces and together find their calls', async () => {
    const path = join(directory, 'pieces');
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write('OK x\r\n');
        const reply = (replySerial: number) =>
          encodeMessage({ type: MESSAGE_TYPE.reply, serial: 1, replySerial, signature: 'u', body: [replySerial] });
        let received = Buffer.alloc(0);
        socket.on('data', (chunk) => {
          received = Buffer.concat([received, chunk as Buffer]);
          if (received.toString('latin1').split('Ping').length !== 3) return;
          const both = Buffer.concat([reply(2), reply(1)]);
          socket.write(both.subarray(0, 21));
          setImmediate(() => socket.write(both.subarray(21)));
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    using connection = await DBusConnection.open(path, 5_000);
    const ping = { path: '/', interface: 'a.b', member: 'Ping' };
    const answers = await Promise.all([connection.call(ping, 5_000), connection.call(ping, 5_000)]);
    expect(answers).toEqual([[1], [2]]);
    connection[Symbol.dispose]();
    await expect(connection.call(ping, 5_000)).rejects.toThrow('is closed');
    await new Promise((resolve) => server.close(resolve));
  });
});
