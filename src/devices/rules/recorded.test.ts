import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Pod } from '../../types/k8s.ts';
import { byAffinity } from './affinity.ts';
import type { PreferenceQuestion } from './choose.ts';
import type { DeviceHint } from './hints.ts';
import { nodesOfHint } from './hints.ts';
import { type Device, type DeviceList, healthyIds } from './inventory.ts';
import type { Assigned, Planned } from './planPod.ts';
import { DeviceProvider } from './provider.ts';

// hack/devices/record.go has the meaning of these names, and made the data with the Go kubelet's own device manager.
interface Step {
  readonly a?: readonly (readonly [kind: 0 | 1 | 2, count: number, mask: number])[];
  readonly p?: string;
  readonly x?: readonly { readonly h: string; readonly e?: string; readonly i?: readonly string[] }[];
  readonly r?: number;
  readonly d?: readonly (readonly number[])[];
}
interface Recorded {
  readonly n: number;
  readonly q?: boolean;
  readonly s: readonly Step[];
}

const differences: string[] = [];
const GPU = 'vendor.example/gpu';
const recorded: Recorded[] = gunzipSync(
  readFileSync(join(import.meta.dirname, '../../../hack/devices/recorded.jsonl.gz')),
)
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

function listOf(devices: NonNullable<Step['d']>): DeviceList {
  const list = devices.map(([well, ...nodes], i): [string, Device] => [
    `d${i}`,
    { id: `d${i}`, healthy: well === 1, nodes: [...new Set(nodes)] },
  ]);
  return new Map(list);
}

function podOf(containers: NonNullable<Step['a']>): Pod {
  const made = containers.map(([kind, count], i) => ({
    name: `c${i}`,
    image: '',
    resources: { limits: { [GPU]: String(count) } },
    ...(kind === 1 && { restartPolicy: 'Always' }),
  }));
  const isMain = (_: unknown, i: number) => containers[i]![0] === 2;
  return {
    spec: { containers: made.filter(isMain), initContainers: made.filter((c, i) => !isMain(c, i)) },
  } as Pod;
}

const short = (hints: readonly DeviceHint[] | null | undefined) =>
  hints === undefined
    ? 'absent'
    : hints === null
      ? 'anywhere'
      : hints.map(({ nodes, preferred }) => `${nodes}${preferred ? '!' : ''}`).join(' ');

/** What the recorded plug-in answers: the last by name. */
function preferred({ available, mustInclude, size }: PreferenceQuestion): string[] {
  const chosen = new Set(mustInclude);
  for (const id of [...available].sort().reverse()) if (chosen.size < size) chosen.add(id);
  return [...chosen];
}

/** Where Go takes any of several, it is how many of each kind that must be the same. */
function kinds(ids: readonly string[], reusable: ReadonlySet<string>, by: ReturnType<typeof byAffinity>): string {
  const fresh = ids.filter((id) => !reusable.has(id));
  const count = (of: ReadonlySet<string>) => fresh.filter((id) => of.has(id)).length;
  return `${ids.length - fresh.length} left, ${count(by.aligned)} aligned, ${count(by.unaligned)} unaligned, ${count(by.anywhere)} anywhere`;
}

test('10,000 machines: the hints, the devices and the refusals of the Go kubelet', () => {
  expect(recorded).toHaveLength(10_000);
  const seen = { pods: 0, refused: 0, equal: 0, hints: 0 };
  for (const [number, { n, q, s }] of recorded.entries()) {
    let devices: DeviceList = new Map();
    const holders = new Map<number, readonly Assigned[]>();
    let pod = -1;
    for (const step of s) {
      if (step.r !== undefined) holders.delete(step.r);
      else if (step.a) {
        pod += 1;
        const assigned = play(number, { n, q: q === true, devices, holders }, step, seen);
        if (assigned) holders.set(pod, assigned);
      } else devices = listOf(step.d ?? []);
    }
  }
  expect(differences.slice(0, 3)).toEqual([]);
  expect(seen.pods).toBeGreaterThan(20_000);
  expect(seen.refused).toBeGreaterThan(5000);
  expect(seen.equal).toBeGreaterThan(10_000);
  expect(seen.hints).toBeGreaterThan(10_000);
});

interface World {
  readonly n: number;
  readonly q: boolean;
  readonly devices: DeviceList;
  readonly holders: ReadonlyMap<number, readonly Assigned[]>;
}

/** Admits one Pod as it was recorded, container by container; gives what it holds, undefined when it was refused. */
function play(
  number: number,
  { n, q, devices, holders }: World,
  step: Step,
  seen: { pods: number; refused: number; equal: number; hints: number },
): readonly Assigned[] | undefined {
  const same = (what: string, mine: unknown, theirs: unknown) => {
    if (mine !== theirs) differences.push(`record ${number}, ${JSON.stringify(step)}, ${what}: ${mine}, Go: ${theirs}`);
  };
  const pod = podOf(step.a ?? []);
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const others = new Set([...holders.values()].flat().flatMap(({ ids }) => ids));
  const assigned: Assigned[] = [];
  /** As it stands when the container's turn comes, with what Go gave to those before it. */
  const provider = (upTo: number, answer?: Assigned) => {
    const made = new DeviceProvider(pod, {
      uid: 'u',
      inventory: new Map([[GPU, devices]]),
      takenByOthers: () => others,
      assigned,
      machineNodes: Array.from({ length: n }, (_, i) => i),
      isDeviceResource: (resource) => resource === GPU,
      preferred: answer,
    });
    for (const before of all.slice(0, upTo))
      same('a container before', made.allocate(before, { nodes: null })?.message, undefined);
    return made;
  };
  same('hints for the Pod', short(provider(0).podHints()[GPU]), step.p ?? '');
  seen.pods += 1;
  for (const [i, expected] of (step.x ?? []).entries()) {
    const container = all[i]!;
    const mask = step.a![i]![2];
    const affinity = { nodes: mask < 0 ? null : mask };
    const made = provider(i);
    same(`hints for ${i}`, short(made.hints(container)[GPU]), expected.h);
    if (expected.h.includes(' ')) seen.hints += 1;
    const error = made.allocate(container, affinity)?.message;
    same(`refusal of ${i}`, error, expected.e);
    if (error !== undefined || expected.e !== undefined) {
      seen.refused += 1;
      return undefined;
    }
    const planned = (of: DeviceProvider): Planned | undefined =>
      of.plan.find((one) => one.container === container.name);
    let mine = planned(made);
    if (mine?.question && q) {
      const again = provider(i, { container: container.name, resource: GPU, ids: preferred(mine.question) });
      again.allocate(container, affinity);
      mine = planned(again);
    }
    const given = expected.i ?? [];
    const ids = mine?.ids ?? [];
    const reusable = reusableFor(pod, assigned, i);
    const own = new Set(assigned.flatMap((one) => one.ids));
    const available = new Set([...healthyIds(devices)].filter((id) => !others.has(id) && !own.has(id)));
    const by = byAffinity(available, devices, mask < 0 ? undefined : nodesOfHint(mask));
    same(`devices of ${i}`, kinds(ids, reusable, by), kinds(given, reusable, by));
    if (q && reusable.size <= ids.length) {
      same(`devices of ${i}`, [...ids].sort().join(), given.join());
      if (ids.length > 0) seen.equal += 1;
    }
    if (given.length > 0) assigned.push({ container: container.name, resource: GPU, ids: given });
  }
  return assigned;
}

/** What init containers before it have left by then, counted anew. */
function reusableFor(pod: Pod, assigned: readonly Assigned[], upTo: number): ReadonlySet<string> {
  const left = new Set<string>();
  const inits = pod.spec?.initContainers ?? [];
  const all = [...inits, ...(pod.spec?.containers ?? [])];
  for (const [i, { name, restartPolicy }] of all.slice(0, upTo).entries())
    for (const id of assigned.find((one) => one.container === name)?.ids ?? [])
      if (i < inits.length && restartPolicy === undefined) left.add(id);
      else left.delete(id);
  return left;
}
