// kubelet_internal_checkpoint: what was given to whom, in the Go kubelet's form.
import { join } from 'node:path';
import { isExtendedResource } from '../k8s/extendedResource.ts';
import { deviceCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { CheckpointFile } from '../lib/checkpointFile.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { SharedTurn } from '../lib/sharedTurn.ts';
import type { DeviceBook } from './book.ts';
import { decodeAnswer } from './deviceAnswer.ts';
import { healthyIds } from './rules/inventory.ts';
import { type Assignment, idsOf } from './rules/state.ts';

/** The file as Go writes it. */
interface DeviceFile {
  readonly Data: {
    readonly PodDeviceEntries: readonly FileEntry[] | null;
    readonly RegisteredDevices: Readonly<Record<string, readonly string[] | null>> | null;
  };
}
interface FileEntry {
  readonly PodUID: string;
  readonly ContainerName: string;
  readonly ResourceName: string;
  readonly DeviceIDs: Readonly<Record<string, readonly string[]>> | null;
  /** base64 */
  readonly AllocResp: string | null;
}

/** The checkpoint of one book. */
export class DeviceCheckpoint {
  readonly #file: CheckpointFile<DeviceFile>;
  readonly #book: DeviceBook;
  readonly #log: Logger;
  readonly #written = new SharedTurn(() => this.#file.save(this.#value()));

  /** `directory`: `<root>/device-plugins`. */
  constructor(directory: string, book: DeviceBook, log: Logger) {
    const path = join(directory, 'kubelet_internal_checkpoint');
    this.#file = new CheckpointFile(path, deviceCheckpoint<DeviceFile>());
    this.#book = book;
    this.#log = log;
  }

  /** Fills the book. A file that cannot be used is told and counts as none, as in the Go kubelet. Rejects never. */
  async load(): Promise<void> {
    try {
      const file = await this.#file.load();
      if (file) this.#take(file);
    } catch (error) {
      this.#log.error('The checkpoint of device plug-ins cannot be used; who holds which device is not known', {
        error: errorMessage(error),
      });
    }
  }

  /** Writes what the book holds by now; resolves when it is on the disk. Calls while one waits share its write. */
  save(): Promise<void> {
    return this.#written.take();
  }

  /** Resolves when nothing is being written any more. Rejects never. */
  settled(): Promise<void> {
    return this.#written.settled();
  }

  #take({ Data }: DeviceFile): void {
    const byPod = new Map<string, Assignment[]>();
    for (const entry of listOf(Data?.PodDeviceEntries)) {
      const assignment = assignmentOf(entry);
      if (!assignment || !isAnswer(assignment.answer)) continue;
      byPod.set(entry.PodUID, [...(byPod.get(entry.PodUID) ?? []), assignment]);
    }
    for (const [uid, assignments] of byPod) this.#book.restore(uid, assignments);
    for (const resource of Object.keys(Data?.RegisteredDevices ?? {}))
      if (isExtendedResource(resource)) this.#book.remember(resource);
  }

  #value(): DeviceFile {
    const book = this.#book;
    const entries = book.pods().flatMap((uid) =>
      book.assignments(uid).map(({ container, resource, idsByNode, answer }) => ({
        PodUID: uid,
        ContainerName: container,
        ResourceName: resource,
        DeviceIDs: idsByNode,
        AllocResp: Buffer.from(answer).toString('base64'),
      })),
    );
    const inventory = book.inventory();
    const registered = book
      .resources()
      .map((resource) => [resource, [...healthyIds(inventory.get(resource) ?? new Map())].sort()] as const);
    // Go writes an empty list of entries as null.
    return {
      Data: {
        PodDeviceEntries: entries.length > 0 ? entries : null,
        RegisteredDevices: Object.fromEntries(registered),
      },
    };
  }
}

function isAnswer(bytes: Uint8Array): boolean {
  try {
    decodeAnswer(bytes);
    return true;
  } catch {
    return false;
  }
}

function listOf(entries: unknown): readonly FileEntry[] {
  return Array.isArray(entries) ? entries : [];
}

/** undefined: not of the form that the checksum was made for, so nobody can have written it. */
function assignmentOf(entry: FileEntry): Assignment | undefined {
  const { PodUID, ContainerName, ResourceName, DeviceIDs, AllocResp } = entry ?? {};
  const names = [PodUID, ContainerName, ResourceName];
  if (names.some((name) => typeof name !== 'string') || typeof (DeviceIDs ?? {}) !== 'object') return undefined;
  const idsByNode: Record<string, string[]> = {};
  for (const [node, ids] of Object.entries(DeviceIDs ?? {}))
    idsByNode[node] = Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
  return {
    container: ContainerName,
    resource: ResourceName,
    ids: idsOf(idsByNode),
    idsByNode,
    answer: Buffer.from(AllocResp ?? '', 'base64'),
  };
}
