import type { ActionContext, Effect, Outcome } from '../outcome.ts';
import type { Action, ActionKind } from '../rules/actions.ts';
import { allocateDevices, release, reserve } from './admission.ts';
import { allocate } from './allocate.ts';
import { deleteApiPod, syncMirror } from './apiPod.ts';
import { prepareClaims, unprepareClaims } from './claims.ts';
import { removeCgroup, removePodFiles } from './cleanup.ts';
import { createContainer } from './createContainer.ts';
import { ensureImage } from './ensureImage.ts';
import { postStart, preStop } from './hooks.ts';
import { preparePod } from './preparePod.ts';
import { resizePod } from './resizePod.ts';
import { createSandbox, removeSandbox, stopSandbox } from './sandbox.ts';
import type { Services } from './services.ts';
import { startContainer } from './startContainer.ts';
import { removeContainer, stopContainer } from './stopContainer.ts';
import { updateCpus } from './updateCpus.ts';
import { mountVolume, unmountVolumes } from './volume.ts';

type Of<K extends ActionKind> = Extract<Action, { kind: K }>;
type Registry = {
  readonly [K in ActionKind]: (services: Services, context: ActionContext, action: Of<K>) => Promise<Outcome>;
};

/** Every action and the effect that carries it out; a missing one does not compile. */
const registry: Registry = {
  reserve: (s, c) => reserve(s, c),
  release: (s, c) => release(s, c),
  allocateDevices: (s, c) => allocateDevices(s, c),
  allocate: (s, c, a) => allocate(s, c, a),
  resizePod: (s, c) => resizePod(s, c),
  preparePod: (s, c) => preparePod(s, c),
  prepareClaims: (s, c) => prepareClaims(s, c),
  unprepareClaims: (s, c) => unprepareClaims(s, c),
  createSandbox: (s, c, a) => createSandbox(s, c, a.attempt),
  stopSandbox: (s, c, a) => stopSandbox(s, c, a.sandboxId),
  removeSandbox: (s, c, a) => removeSandbox(s, c, a.sandboxId),
  ensureImage: (s, c, a) => ensureImage(s, c, a.container, a.image, a.policy, a.anew === true),
  mountVolume: (s, c, a) => mountVolume(s, c, a.volume, a.objects),
  unmountVolumes: (s, c) => unmountVolumes(s, c),
  createContainer: (s, c, a) => createContainer(s, c, a),
  startContainer: (s, c, a) => startContainer(s, c, a.slot, a.containerId),
  postStart: (s, c, a) => postStart(s, c, a.container, a.containerId),
  preStop: (s, c, a) => preStop(s, c, a.container, a.containerId, a.seconds),
  stopContainer: (s, c, a) => stopContainer(s, c, a.containerId, a.seconds),
  updateCpus: (s, _c, a) => updateCpus(s, a.containerId, a.cpus),
  removeContainer: (s, c, a) => removeContainer(s, c, a.containerId),
  removeCgroup: (s, c) => removeCgroup(s, c),
  removePodFiles: (s, c) => removePodFiles(s, c),
  deleteApiPod: (s, c) => deleteApiPod(s, c),
  syncMirror: (s, c, a) => syncMirror(s, c, a.wanted),
  saveCheckpoint: async (s, _c, a) => {
    await s.checkpoints.save(a.checkpoint);
    return {};
  },
};

/** The effects over these services. */
export function effects(services: Services): Effect {
  return (action, context) => {
    const run = registry[action.kind] as (s: Services, c: ActionContext, a: Action) => Promise<Outcome>;
    return run(services, context, action);
  };
}
