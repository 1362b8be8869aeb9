// The forms of state files that the Go kubelet and this one both read and write, so that a node can go from one to the other and back.
// Each is one JSON object with a checksum of its value; equal means that Go loads it and means the same, not equal bytes.
import { crc32 } from 'node:zlib';
import type { CheckpointFormat } from '../lib/checkpointFile.ts';
import { parseObject } from '../lib/parseObject.ts';
import { fnv32a, type GoField, type GoType, goDump, scalar } from './goDump.ts';

const string = scalar('string');
const int = scalar('int');
const uint64 = scalar('uint64');
const resourceName = scalar('v1.ResourceName');
const slice = (of: GoType): GoType => ({ kind: 'slice', of });
const map = (key: GoType, of: GoType, more: { name?: string; absent?: 'empty' } = {}): GoType => ({
  kind: 'map',
  key,
  of,
  ...more,
});
const struct = (name: string, ...fields: GoField[]): GoType => ({ kind: 'struct', name, fields });
const pointer = (to: GoType): GoType => ({ kind: 'pointer', to });
const madeBefore = { absent: 'empty' } as const;

type Json = Record<string, unknown>;
type Checksum = (file: Json) => number;

/** `<root>/device-plugins/kubelet_internal_checkpoint`. */
export function deviceCheckpoint<T extends object>(): CheckpointFormat<T> {
  const entry = struct(
    'checkpoint.PodDevicesEntry',
    ['PodUID', 'PodUID', string],
    ['ContainerName', 'ContainerName', string],
    ['ResourceName', 'ResourceName', string],
    ['DeviceIDs', 'DeviceIDs', map(scalar('int64'), slice(string), { name: 'checkpoint.DevicesPerNUMA' })],
    ['AllocResp', 'AllocResp', { kind: 'bytes' }],
  );
  const data = struct(
    'checkpoint.checkpointData',
    ['PodDeviceEntries', 'PodDeviceEntries', slice(entry)],
    ['RegisteredDevices', 'RegisteredDevices', map(string, slice(string))],
  );
  return format('device manager state', 'Checksum', (file) => fnv32a(goDump(data, file.Data)));
}

/** `<root>/cpu_manager_state`: 3 with the feature gate PodLevelResourceManagers, 2 without it, 1 before Kubernetes 1.18. */
export function cpuCheckpoint<T extends object>(version: 1 | 2 | 3): CheckpointFormat<T> {
  const containers = version === 1 ? string : map(string, string);
  const entries = map(string, containers, madeBefore);
  const podEntry = struct('state.PodEntry', ['CPUSet', 'cpuSet', { kind: 'cpuSet' }]);
  const podEntries = map(string, podEntry, { name: 'state.PodCPUAssignments', ...madeBefore });
  // Go hashes the older versions under the name that the type had then.
  const whole = struct(
    'state.CPUManagerCheckpoint',
    ['PolicyName', 'policyName', string],
    ['DefaultCPUSet', 'defaultCpuSet', string],
    ['Entries', 'entries', entries],
    ...(version === 3 ? [['PodEntries', 'podEntries', podEntries] as const] : []),
    ['Checksum', 'checksum', scalar('checksum.Checksum')],
  );
  return format('CPU manager state', 'checksum', ofWhole(whole), version < 3);
}

/** `<root>/memory_manager_state`: 2 with the feature gate PodLevelResourceManagers, 1 without it. */
export function memoryCheckpoint<T extends object>(version: 1 | 2): CheckpointFormat<T> {
  const table = struct(
    'state.MemoryTable',
    ['TotalMemSize', 'total', uint64],
    ['SystemReserved', 'systemReserved', uint64],
    ['Allocatable', 'allocatable', uint64],
    ['Reserved', 'reserved', uint64],
    ['Free', 'free', uint64],
  );
  const node = struct(
    'state.NUMANodeState',
    ['NumberOfAssignments', 'numberOfAssignments', int],
    ['MemoryMap', 'memoryMap', map(resourceName, pointer(table))],
    ['Cells', 'cells', slice(int)],
  );
  const block = struct(
    'state.Block',
    ['NUMAAffinity', 'numaAffinity', slice(int)],
    ['Type', 'type', resourceName],
    ['Size', 'size', uint64],
  );
  const podEntry = struct('state.PodEntry', ['MemoryBlocks', 'memoryBlocks', slice(block)]);
  const named = (name: string) => ({ name: `state.${name}`, ...madeBefore });
  const whole = struct(
    'state.MemoryManagerCheckpoint',
    ['PolicyName', 'policyName', string],
    ['MachineState', 'machineState', map(int, pointer(node), named('NUMANodeMap'))],
    ['Entries', 'entries', map(string, map(string, slice(block)), named('ContainerMemoryAssignments'))],
    ...(version === 2
      ? [['PodEntries', 'podEntries', map(string, podEntry, named('PodMemoryAssignments'))] as const]
      : []),
    ['Checksum', 'checksum', scalar('checksum.Checksum')],
  );
  return format('memory manager state', 'checksum', ofWhole(whole));
}

/** `<root>/dra_manager_state`: JSON in a string, and the CRC of that. */
export function draCheckpoint<T extends { Data: string }>(): CheckpointFormat<T> {
  return format('DRA manager state', 'Checksum', (file) => crc32(String(file.Data)));
}

/** `<root>/allocated_pods_state` and `actuated_pods_state`: JSON in a string, and the hash of that. */
export function allocationCheckpoint<T extends { data: string }>(): CheckpointFormat<T> {
  return format('state of allocated resources', 'checksum', (file) => fnv32a(goDump(string, file.data)));
}

/** Go makes the checksum of a pointer to the whole value, with a checksum of 0 in it. */
function ofWhole(type: GoType): Checksum {
  return (file) => fnv32a(goDump(pointer(type), { ...file, checksum: 0 }));
}

/** `zero`: a checksum of 0 is taken for none, as Go takes it in files that its oldest versions wrote. */
function format<T extends object>(what: string, field: string, checksum: Checksum, zero = false): CheckpointFormat<T> {
  return {
    what,
    encode: (value) => stringify({ ...value, [field]: checksum(value as Json) }),
    decode(text) {
      const file = parse(text);
      if (zero && (file[field] ?? 0) === 0) return file as T;
      const wanted = checksum(file);
      if (file[field] !== wanted)
        throw new Error(
          `checkpoint is corrupted: its checksum is ${String(file[field])}, and its content has ${wanted}`,
        );
      return file as T;
    },
  };
}

/** As JSON.parse; integers that a number cannot hold become bigints. */
function parse(text: string): Json {
  const exact = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source as string)
      : value;
  return parseObject(text, exact);
}

function stringify(value: object): string {
  const { rawJSON } = JSON as JSON & { rawJSON(text: string): object };
  return JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? rawJSON(inner.toString()) : inner));
}
