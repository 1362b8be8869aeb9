import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import { named } from '../../lib/named.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { spread } from '../../loop/rules/retry.ts';
import type { EffectError } from '../../loop/slot.ts';
import type { Pod } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import { shownMetadata, shownResources } from './downwardInputs.ts';
import type { PodSlot } from './facts.ts';
import { fingerprint, firstUnknown } from './fingerprint.ts';
import { slot } from './slots.ts';
import { because, emitOnce, launch, monoOf, type Turn, wake } from './turn.ts';
import { unreadTrouble } from './unread.ts';

/** Retry of a failed mount: 500 ms doubling to 122 s (kubelet's volume operation back-off). */
const mountCurve: BackoffPolicy = { initialMs: 500, maxMs: 122_000 };

/** A token that is due and was served again from the old one (the API server is away, or the clocks differ) is asked for this often. */
const refreshPauseMs = 60_000;

/** Names of the volumes that some container of the Pod mounts or has as a device, in the order of the spec. Image volumes are the runtime's. */
export function mountedVolumeNames(pod: Pod): string[] {
  const spec = pod.spec;
  const containers = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  const used = new Set<string>();
  for (const c of containers) for (const m of [...(c.volumeMounts ?? []), ...(c.volumeDevices ?? [])]) used.add(m.name);
  return (spec?.volumes ?? []).filter((v) => used.has(v.name) && !v.image).map((v) => v.name);
}

/**
 * Brings the Pod's volumes up and keeps them current: a changed object or a token's refresh time repeats the mount,
 * which is idempotent. Returns whether every volume is set up.
 */
export function planVolumes(turn: Turn, pod: Pod): boolean {
  let ready = true;
  for (const name of mountedVolumeNames(pod)) if (!planVolume(turn, pod, name)) ready = false;
  if (ready) {
    turn.memory.volumesReady = true;
    turn.memory.volumesFailed = false;
  }
  return ready;
}

/** What the volume is made of, as one string: API objects, and of the Pod itself what the downward API shows. */
function inputsOf(turn: Turn, pod: Pod, name: string): string {
  const objects = fingerprint(turn.facts, ownEntry(turn.facts.volumeObjects, name) ?? []);
  const volume = named(pod.spec?.volumes, name);
  const sources = [volume?.downwardAPI, ...(volume?.projected?.sources ?? []).map((source) => source.downwardAPI)];
  if (sources.every((source) => !source)) return objects;
  const resources = sources.some((source) => source?.items?.some((item) => item.resourceFieldRef))
    ? shownResources(pod.spec)
    : '';
  return `${objects}${shownMetadata(pod.metadata)}${resources}`;
}

/** Of a fingerprint: which PersistentVolumes it names, and what the cluster says of their drivers. */
const leadsTo = (objects: string) => objects.match(/PersistentVolume \/[^@ ]*|CSIDriver \/[^ ]*/g)?.join() ?? '';

/**
 * What is waited for may never come: the claim was deleted and made anew, and leads to another volume, or the cluster says only now whether
 * the volume's driver attaches. What is already under way with another volume is taken back when the Pod ends.
 */
function isOther(waitsFor: string, objects: string): boolean {
  return waitsFor.includes('PersistentVolume /') && leadsTo(waitsFor) !== leadsTo(objects);
}

/** The volume is being mounted for the first time. What is mounted is no longer what is wanted: that mount is given up. */
function awaitMount(turn: Turn, name: string, running: NonNullable<PodSlot['running']>, objects: string): void {
  const message = ownEntry(turn.facts.volumeWaits, name);
  const wait = message === undefined ? {} : { message };
  because(turn, { code: 'MountingVolume', volume: name, since: running.since, ...wait });
  const { action, aborting } = running;
  if (!aborting && action.kind === 'mountVolume' && isOther(action.objects, objects))
    turn.abort.add(slotOf.volume(name));
}

function tellMountFailed(turn: Turn, name: string, { reason, message }: EffectError, endedAt: number): void {
  const word = reason === 'FailedMapVolume' ? 'FailedMapVolume' : 'FailedMount';
  emitOnce(turn, `mount/${name}`, endedAt, { type: 'Warning', reason: word, message });
}

/** True when the volume can be used. */
function planVolume(turn: Turn, pod: Pod, name: string): boolean {
  const { facts, now } = turn;
  const state = ownEntry(facts.volumes, name);
  const keys = ownEntry(facts.volumeObjects, name) ?? [];
  const objects = inputsOf(turn, pod, name);
  const slotName = slotOf.volume(name);
  const s = slot(facts, slotName);
  const current =
    state !== undefined && state.objects === objects && !(state.refreshAt !== undefined && state.refreshAt <= now.wall);
  if (current) {
    if (state.refreshAt !== undefined) wake(turn, monoOf(turn, state.refreshAt));
    return true;
  }
  if (s.running) {
    if (!state) awaitMount(turn, name, s.running, objects);
    return state !== undefined;
  }
  const unknown = firstUnknown(facts, keys);
  if (unknown) {
    if (!state) tellUnread(turn, name, unknown);
    return state !== undefined;
  }
  const sameInputs = s.last?.action.kind === 'mountVolume' && s.last.action.objects === objects;
  // A wait that was given up for another volume behind the claim is no failure of that one.
  const error = s.last?.error?.reason === 'Aborted' && !sameInputs ? undefined : s.last?.error;
  if (state?.objects === objects && s.last && !error) {
    const again = s.last.endedAt + spread(refreshPauseMs, facts.seed, 0);
    if (again > now.mono) {
      wake(turn, again);
      return true;
    }
  }
  const retry = error && sameInputs ? s.last!.endedAt + backoffDelay(mountCurve, s.failures - 1, 0) : 0;
  if (error) {
    if (!state) turn.memory.volumesFailed = true;
    tellMountFailed(turn, name, error, s.last!.endedAt);
  }
  const launched = launch(turn, { kind: 'mountVolume', slot: slotName, volume: name, objects }, retry);
  if (!state) {
    if (error && !launched)
      because(turn, { code: 'VolumeFailed', volume: name, message: error.message, retryAt: retry });
    else because(turn, { code: 'MountingVolume', volume: name });
  }
  return state !== undefined;
}

function tellUnread(turn: Turn, volume: string, unknown: { object: string; message: string }): void {
  because(turn, { code: 'AwaitingObject', ...unknown });
  const trouble = unreadTrouble(turn, unknown);
  if (trouble === undefined) return;
  const message = `MountVolume.SetUp failed for volume "${volume}" : ${trouble}`;
  emitOnce(turn, `unread/${volume}`, 0, { type: 'Warning', reason: 'FailedMount', message });
}
