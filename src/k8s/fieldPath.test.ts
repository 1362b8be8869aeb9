import { fieldPathValue, formatMap, splitSubscript } from './fieldPath.ts';
import { cleanAbsolute } from './goPath.ts';
import { goJson, goQuote } from './goText.ts';

test.each([
  ['plain', 'plain'],
  ['é日😀\u0301', 'é日😀\u0301'],
  ['"\\', '\\"\\\\'],
  ['\x07\b\f\n\r\t\v', '\\a\\b\\f\\n\\r\\t\\v'],
  ['\x00\x1f\x7f', '\\x00\\x1f\\x7f'],
  ['\u00a0\u00ad\u200b\u2028\ufeff\ue000', '\\u00a0\\u00ad\\u200b\\u2028\\ufeff\\ue000'],
  ['\u{e0001}', '\\U000e0001'],
])('goQuote(%j)', (text, wanted) => expect(goQuote(text)).toBe(`"${wanted}"`));

test('goJson escapes what HTML would read', () => {
  expect(goJson({ b: '<a> & \u2028\b', a: [1, 'é'] })).toBe('{"b":"\\u003ca\\u003e \\u0026 \\u2028\\b","a":[1,"é"]}');
});

test.each([
  ['/', '/'],
  ['/a//b/./c/', '/a/b/c'],
  ['/../a/b/../../..', '/'],
])('cleanAbsolute(%j)', (path, wanted) => expect(cleanAbsolute(path)).toBe(wanted));

test.each([
  ["metadata.labels['key']", { path: 'metadata.labels', key: 'key' }],
  ["metadata.labels['a[b]c']", { path: 'metadata.labels', key: 'a[b]c' }],
  ["metadata.labels['']", { path: 'metadata.labels', key: '' }],
  ["metadata.labels['a']['b']", { path: 'metadata.labels', key: "a']['b" }],
  ['metadata.labels', null],
  ["metadata.labels'key']", null],
  ["['key']", null],
  ["metadata.labels[key']", null],
])('splitSubscript(%j)', (path, wanted) => expect(splitSubscript(path)).toEqual(wanted));

test('formatMap sorts by bytes and escapes', () => {
  expect(formatMap({ b: '2\n"', a: '1', '😀': 'x', '\uff5e': 'y' })).toBe('a="1"\nb="2\\n\\""\n\uff5e="y"\n😀="x"');
  expect(formatMap(undefined)).toBe('');
});

describe('fieldPathValue', () => {
  const pod = {
    metadata: { name: 'n', namespace: 'ns', uid: 'u', labels: { 'a.b/c': '1' }, annotations: { 'a.b/Up_C': '2' } },
  };
  test.each([
    ['metadata.name', 'n'],
    ['metadata.namespace', 'ns'],
    ['metadata.uid', 'u'],
    ['metadata.labels', 'a.b/c="1"'],
    ['metadata.annotations', 'a.b/Up_C="2"'],
    ["metadata.labels['a.b/c']", '1'],
    ["metadata.annotations['a.b/Up_C']", '2'],
    ["metadata.annotations['A.B/x']", ''],
    ["metadata.labels['toString']", ''],
  ])('%s', (path, wanted) => expect(fieldPathValue(pod, path)).toBe(wanted));

  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  test.each([
    ['spec.nodeName', 'unsupported fieldPath: spec.nodeName'],
    ["spec['x']", 'fieldPath "spec[\'x\']" does not support subscript'],
    [
      "metadata.labels['']",
      `invalid key subscript in metadata.labels['']: name part must be non-empty;name part ${rule}`,
    ],
    [
      "metadata.labels['a/b/c']",
      `invalid key subscript in metadata.labels['a/b/c']: a valid label key ${rule} with an optional DNS subdomain prefix ` +
        "and '/' (e.g. 'example.com/MyName')",
    ],
    ["metadata.labels['/b']", "invalid key subscript in metadata.labels['/b']: prefix part must be non-empty"],
    [
      `metadata.labels['${'a'.repeat(64)}']`,
      `invalid key subscript in metadata.labels['${'a'.repeat(64)}']: name part must be no more than 63 bytes`,
    ],
  ])('%s is refused', (path, message) => expect(() => fieldPathValue(pod, path)).toThrow(message));
});
