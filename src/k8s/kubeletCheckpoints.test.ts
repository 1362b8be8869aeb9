import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckpointFormat } from '../lib/checkpointFile.ts';
import { fnv32a, goDump, scalar } from './goDump.ts';
import {
  allocationCheckpoint,
  cpuCheckpoint,
  deviceCheckpoint,
  draCheckpoint,
  memoryCheckpoint,
} from './kubeletCheckpoints.ts';

/** What hack/checkpoints/record.go wrote with the types of kubelet 1.36.3. */
interface Recorded {
  kind: string;
  name: string;
  text: string;
  dump: string;
}
const recorded: Recorded[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../hack/checkpoints/recorded.json'), 'utf8'),
);

const formats: Record<string, CheckpointFormat<object>> = {
  devices: deviceCheckpoint(),
  cpu: cpuCheckpoint(3),
  cpu2: cpuCheckpoint(2),
  memory: memoryCheckpoint(2),
  memory1: memoryCheckpoint(1),
  dra: draCheckpoint() as CheckpointFormat<object>,
  allocation: allocationCheckpoint() as CheckpointFormat<object>,
};

test('every kind was recorded', () => {
  expect(new Set(recorded.map((r) => r.kind))).toEqual(new Set(Object.keys(formats)));
  expect(recorded.length).toBeGreaterThan(10);
});

test.each(recorded.map((r) => [`${r.kind}, ${r.name}`, r] as const))(
  'a file of the Go kubelet is taken, and written with the checksum that Go wrote: %s',
  (_, { kind, text }) => {
    const format = formats[kind]!;
    const again = format.encode(format.decode(text));
    const checksum = (of: string) => /"[cC]hecksum":(\d+)/.exec(of)?.[1];
    expect(checksum(again)).toBe(checksum(text));
    expect(format.decode(again)).toEqual(format.decode(text));
  },
);

test.each(recorded.filter((r) => r.name === 'full').map((r) => [r.kind, r] as const))(
  'a changed file is refused: %s',
  (_, { kind, text }) => {
    const changed = text.replace(/pod-b|ns|vendor/, 'other');
    expect(changed).not.toBe(text);
    expect(() => formats[kind]!.decode(changed)).toThrow(/^checkpoint is corrupted: its checksum is \d+/);
  },
);

test('a number that a double cannot hold stays as it is', () => {
  const { text } = recorded.find((r) => r.kind === 'memory' && r.name === 'full')!;
  const again = formats.memory!.encode(formats.memory!.decode(text));
  for (const number of ['9007199254740993', '18446744073709551615']) expect(again).toContain(`:${number}`);
});

test('a CPU file without a checksum is taken up to version 2, as Go takes it', () => {
  const text = '{"policyName":"none","defaultCpuSet":"0-3","checksum":0}';
  expect(formats.cpu2!.decode(text)).toMatchObject({ defaultCpuSet: '0-3' });
  expect(() => formats.cpu!.decode(text)).toThrow('checkpoint is corrupted');
});

test.each(['', '{', '[]', 'null', '7'])('"%s" is refused', (text) => {
  for (const format of Object.values(formats)) expect(() => format.decode(text)).toThrow('it is no JSON');
});

test('FNV-1a of known texts', () => {
  expect(fnv32a('')).toBe(0x811c9dc5);
  expect(fnv32a('a')).toBe(0xe40c292c);
  expect(fnv32a('foobar')).toBe(0xbf9cf968);
});

test('a list of CPUs without end costs nothing', () => {
  expect(goDump({ kind: 'cpuSet' }, '0-99999999999,3')).toBe('(cpuset.CPUSet){elems:(map[int]struct {})map[3:{}]}');
  expect(goDump(scalar('string'), 'x')).toBe('(string)x');
});
