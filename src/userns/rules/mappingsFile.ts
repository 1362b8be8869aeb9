import { errorMessage } from '../../lib/errors.ts';
import { parseObject } from '../../lib/parseObject.ts';

/** The range of user and group ids that a Pod with a user namespace has, as the runtime and the Pod's file name it. */
export interface UserNamespaceIds {
  readonly uids: readonly IdMapping[];
  readonly gids: readonly IdMapping[];
}

/** `length` ids from `hostId` on are those from `containerId` on inside. */
export interface IdMapping {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

const FIELDS = ['hostId', 'containerId', 'length'] as const;

/** What a Pod with the range that begins at `first` gets: its id 0 is `first`. */
export function mappingsOf(first: number, length: number): UserNamespaceIds {
  const range = [{ hostId: first, containerId: 0, length }];
  return { uids: range, gids: range };
}

/** The text of `<pod directory>/userns`, byte for byte as the Go kubelet writes it. */
export function encodeMappings({ uids, gids }: UserNamespaceIds): string {
  const plain = (list: readonly IdMapping[]) =>
    list.map(({ hostId, containerId, length }) => ({ hostId, containerId, length }));
  return JSON.stringify({ uidMappings: plain(uids), gidMappings: plain(gids) });
}

/** Reads that file. Throws what is wrong with it, in kubelet's words where kubelet has some. Whether the ids are free is not looked at. */
export function decodeMappings(text: string): IdMapping {
  const { uids, gids } = parsed(text);
  const invalid = (why: string) => new Error(`invalid user namespace configuration: ${why}`);
  const [uid] = uids;
  if (uids.length !== 1 || !uid) throw invalid('no more than one mapping allowed.');
  const [gid] = gids;
  if (gids.length !== 1 || !gid) throw invalid('GID and UID mappings should be identical.');
  if (FIELDS.some((field) => uid[field] !== gid[field])) throw invalid('GID and UID mapping should be identical');
  if (uid.containerId !== 0) throw invalid('UID 0 must be mapped');
  return uid;
}

function parsed(text: string): { uids: IdMapping[]; gids: IdMapping[] } {
  try {
    const file = parseObject(text);
    return { uids: mappings(file, 'uidMappings'), gids: mappings(file, 'gidMappings') };
  } catch (error) {
    throw new Error(`invalid user namespace mappings file: ${errorMessage(error)}`, { cause: error });
  }
}

function mappings(file: Readonly<Record<string, unknown>>, name: string): IdMapping[] {
  const list = file[name] ?? [];
  if (!Array.isArray(list)) throw new Error(`${name} is no list`);
  return list.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) throw new Error(`an entry of ${name} is no object`);
    const ids: Readonly<Record<string, unknown>> = { ...entry };
    const [hostId = 0, containerId = 0, length = 0] = FIELDS.map((field) => uint32(ids[field], `${name}.${field}`));
    return { hostId, containerId, length };
  });
}

/** An absent number is 0, as for Go. */
function uint32(value: unknown, what: string): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw new Error(`${what} is no id`);
}
