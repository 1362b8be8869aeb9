// One life of a process that looks after CSI volumes, for a test that kills it. Started as a program with a LifePlan as JSON; prints
// `settled` when everything is as wanted, and then waits to be killed.
import { ApiClient } from '../../../api/client.ts';
import { realClock, sleep } from '../../../lib/clock.ts';
import { FakeMounter } from '../../../lib/fake/mounter.ts';
import { podOf } from '../../persistent/fake/attachedKind.ts';
import { CsiDriver } from '../driver.ts';
import { CsiDrivers } from '../drivers.ts';
import { uniqueName } from '../names.ts';
import { secretReader } from '../services.ts';
import { type CsiTestNode, DRIVER, NODE } from './node.ts';
import { CsiTestVolumes, csiSpec } from './volumes.ts';

export interface LifePlan {
  readonly root: string;
  readonly api: string;
  readonly socket: string;
  /** Volume handles by Pod UID. */
  readonly wanted: Readonly<Record<string, readonly string[]>>;
  /** Pods of earlier lives that are over. */
  readonly over: readonly string[];
}

const RETRY_MS = 20;

async function live(plan: LifePlan): Promise<void> {
  const client = new ApiClient({ server: plan.api });
  const drivers = new CsiDrivers();
  drivers.set(new CsiDriver({ name: DRIVER, endpoint: plan.socket, version: [1], clock: realClock }));
  const services = {
    ...{ drivers, nodeName: NODE, clock: realClock, claims: client, failedExpansions: new Set<string>() },
    secret: secretReader(client, realClock),
    attachment: (name: string) => client.get('VolumeAttachment', { name }),
    updateNow: async () => {},
    claimEvent: () => {},
    republishMs: 60_000,
  };
  const { signal } = new AbortController();
  const node = { root: plan.root, mounter: new FakeMounter(), services, signal } as unknown as CsiTestNode;
  using world = new CsiTestVolumes(node);
  await world.volumes.rebuild();
  for (const handle of new Set(Object.values(plan.wanted).flat())) world.attached(uniqueName(DRIVER, handle));
  world.volumes.sourcesSynced();
  const again = async (work: () => Promise<unknown>): Promise<void> => {
    for (;;) {
      try {
        return void (await work());
      } catch {
        await sleep(realClock, RETRY_MS);
      }
    }
  };
  await Promise.all([
    ...Object.entries(plan.wanted).flatMap(([uid, handles]) =>
      handles.map((handle) => again(() => world.have(podOf(uid), csiSpec(handle)))),
    ),
    ...plan.over.map((uid) => again(() => world.leave(uid))),
  ]);
  const wanted = new Set(Object.values(plan.wanted).flat()).size;
  while (world.volumes.size > wanted) await sleep(realClock, RETRY_MS);
  process.stdout.write('settled\n');
  await new Promise<void>((resolve) => void realClock.setTimer(600_000, resolve));
}

if (process.argv[1] === import.meta.filename) {
  process.on('unhandledRejection', (error) => {
    throw error;
  });
  await live(JSON.parse(process.argv[2]!) as LifePlan);
}
