import { readFileSync } from 'node:fs';
import { readOnlyMappings, returnStartPages } from './startPages.ts';

const mapping = (range: string, mode: string, file: string, anonymous: number) =>
  `${range} ${mode} 00000000 fe:00 123 ${' '.repeat(10)}${file}\nSize: 8 kB\nRss: 4 kB\nAnonymous: ${' '.repeat(5)}${anonymous} kB\nVmFlags: rd mr mw me\n`;

test('only read-only pages of the program file are dropped, none that the process has written', () => {
  const smaps = [
    mapping('1000-3000', 'r--p', '/opt/a b/kubelet', 0),
    mapping('3000-4000', 'r-xp', '/opt/a b/kubelet', 0),
    mapping('4000-5000', 'r--p', '/opt/a b/kubelet', 24),
    mapping('5000-6000', 'rw-p', '/opt/a b/kubelet', 0),
    mapping('6000-7000', 'r--p', '/lib/libc.so.6', 0),
    mapping('ffffffff00000000-ffffffff00001000', 'r--p', '/opt/a b/kubelet', 0),
  ].join('');
  expect(readOnlyMappings(smaps, '/opt/a b/kubelet')).toEqual([
    { address: 0x1000n, length: 0x2000n },
    { address: 0xffffffff00000000n, length: 0x1000n },
  ]);
  expect(readOnlyMappings('', '/opt/a b/kubelet')).toEqual([]);
});

const residentKb = () =>
  [...readFileSync('/proc/self/smaps', 'utf8').matchAll(/ r--p .* (\S+)\nSize:.*(?:\n(?!Rss).*)*\nRss: +(\d+) kB/g)]
    .filter(([, file]) => file === process.execPath)
    .reduce((sum, [, , kb]) => sum + Number(kb), 0);

test('the dropped pages leave the process, which goes on', async () => {
  const before = residentKb();
  const mapped = await returnStartPages();
  expect(mapped).toBeGreaterThan(1024n * 1024n);
  expect(residentKb()).toBeLessThan(before);
  expect(new Intl.DateTimeFormat('de').format(0)).toBe('1.1.1970');
  expect(JSON.parse('{"a":[1]}')).toEqual({ a: [1] });
});
