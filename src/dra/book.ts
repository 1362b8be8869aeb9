// Which claims are prepared on this node, for whom, and what their drivers gave: kubelet's claim info.
import { join } from 'node:path';
import { draCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { CheckpointFile } from '../lib/checkpointFile.ts';
import { SharedTurn } from '../lib/sharedTurn.ts';
import type { ClaimDevice } from '../types/grant.ts';

/** What is known of one claim. Its owner changes it in place; the book writes it down. */
export interface ClaimInfo {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** UIDs of the Pods that it is prepared for, or is about to be. */
  readonly pods: Set<string>;
  /** Every driver with a part in the claim, and its devices: none before it has prepared it, and some have none. */
  readonly drivers: Map<string, readonly ClaimDevice[]>;
  /**
   * Every driver has prepared it in this life of the program. After a restart nobody knows: a machine that booted has lost what drivers made,
   * and they may be asked twice.
   */
  prepared: boolean;
  /** Drivers that may have prepared it: they are asked to unprepare it. */
  readonly asked: Set<string>;
}

/** A claim of which nobody has been asked anything. */
export function newClaim(uid: string, name: string, namespace: string, drivers: readonly string[]): ClaimInfo {
  const none = new Map(drivers.map((driver): [string, readonly ClaimDevice[]] => [driver, []]));
  return { uid, name, namespace, pods: new Set(), drivers: none, prepared: false, asked: new Set() };
}

/** All claims in use, and their file: `<root>/dra_manager_state`, in the Go kubelet's form. */
export class ClaimBook {
  readonly #claims = new Map<string, ClaimInfo>();
  readonly #file: CheckpointFile<DraFile>;
  readonly #written = new SharedTurn(() => this.#file.save(encode(this.all())));

  constructor(rootDir: string) {
    const path = join(rootDir, 'dra_manager_state');
    this.#file = new CheckpointFile(path, draCheckpoint<DraFile>());
  }

  /** Reads the file. Rejects with a CheckpointError when it does not fit: without it drivers' devices would be lost. */
  async load(): Promise<void> {
    const file = await this.#file.load();
    if (file) for (const info of decode(file)) this.#claims.set(keyOf(info.namespace, info.name), info);
  }

  get(namespace: string, name: string): ClaimInfo | undefined {
    return this.#claims.get(keyOf(namespace, name));
  }

  add(info: ClaimInfo): void {
    this.#claims.set(keyOf(info.namespace, info.name), info);
  }

  delete({ namespace, name }: ClaimInfo): void {
    this.#claims.delete(keyOf(namespace, name));
  }

  /** The claims of one Pod. */
  ofPod(uid: string): readonly ClaimInfo[] {
    return [...this.#claims.values()].filter(({ pods }) => pods.has(uid));
  }

  all(): readonly ClaimInfo[] {
    return [...this.#claims.values()];
  }

  /** UIDs of all Pods with claims. */
  pods(): readonly string[] {
    return [...new Set(this.all().flatMap(({ pods }) => [...pods]))];
  }

  /** The claim as the node has it, or the new one. Throws in kubelet's words when the node has another one of that name. */
  known(claim: ClaimInfo): ClaimInfo {
    const known = this.get(claim.namespace, claim.name);
    if (known && known.uid !== claim.uid)
      throw new Error(
        `old ResourceClaim with same name ${claim.name} and different UID ${known.uid} still exists (previous pod force-deleted?!)`,
      );
    return known ?? claim;
  }

  /** Writes down what it holds by now; resolves when that is on the disk. Calls while one waits share its write. */
  save(): Promise<void> {
    return this.#written.take();
  }

  /** Resolves when nothing is being written any more. Rejects never. */
  settled(): Promise<void> {
    return this.#written.settled();
  }
}

/** How a claim is told apart from all others at one time. */
export function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

interface DraFile {
  readonly Data: string;
}
interface FileData {
  readonly kind: string;
  readonly apiVersion: string;
  readonly ClaimInfoStateList: readonly FileClaim[] | null;
}
interface FileClaim {
  readonly ClaimUID: string;
  readonly ClaimName: string;
  readonly Namespace: string;
  readonly PodUIDs: Readonly<Record<string, object>> | null;
  readonly DriverState: Readonly<Record<string, { readonly Devices: readonly FileDevice[] | null } | null>> | null;
}
interface FileDevice {
  readonly PoolName: string;
  readonly DeviceName: string;
  readonly ShareID: string | null;
  readonly RequestNames: readonly string[] | null;
  readonly CDIDeviceIDs: readonly string[] | null;
}

const KIND = 'DRACheckpoint';
const API_VERSION = 'checkpoint.dra.kubelet.k8s.io/v1';

function encode(claims: readonly ClaimInfo[]): DraFile {
  const list = claims.map(({ uid, name, namespace, pods, drivers }) => ({
    ClaimUID: uid,
    ClaimName: name,
    Namespace: namespace,
    PodUIDs: Object.fromEntries([...pods].map((pod) => [pod, {}])),
    DriverState: Object.fromEntries([...drivers].map(([driver, devices]) => [driver, stateOf(devices)])),
  }));
  const data: FileData = { kind: KIND, apiVersion: API_VERSION, ClaimInfoStateList: list };
  return { Data: JSON.stringify(data) };
}

/** Go writes a list that was never filled as null. */
function stateOf(devices: readonly ClaimDevice[]) {
  const list = devices.map(({ pool, device, shareId, requestNames, cdiDeviceIds }) => ({
    PoolName: pool,
    DeviceName: device,
    ShareID: shareId ?? null,
    RequestNames: requestNames,
    CDIDeviceIDs: cdiDeviceIds,
  }));
  return { Devices: list.length > 0 ? list : null };
}

function decode({ Data }: DraFile): ClaimInfo[] {
  const { ClaimInfoStateList } = JSON.parse(Data) as FileData;
  return (ClaimInfoStateList ?? []).map(({ ClaimUID, ClaimName, Namespace, PodUIDs, DriverState }) => {
    const drivers = Object.entries(DriverState ?? {}).map(([driver, state]): [string, readonly ClaimDevice[]] => [
      driver,
      (state?.Devices ?? []).map(deviceOf(driver)),
    ]);
    return {
      uid: ClaimUID,
      name: ClaimName,
      namespace: Namespace,
      pods: new Set(Object.keys(PodUIDs ?? {})),
      drivers: new Map(drivers),
      prepared: false,
      asked: new Set(drivers.map(([driver]) => driver)),
    };
  });
}

const deviceOf =
  (driver: string) =>
  ({ PoolName, DeviceName, ShareID, RequestNames, CDIDeviceIDs }: FileDevice): ClaimDevice => ({
    driver,
    pool: PoolName,
    device: DeviceName,
    requestNames: RequestNames ?? [],
    cdiDeviceIds: CDIDeviceIDs ?? [],
    ...(ShareID && { shareId: ShareID }),
  });
