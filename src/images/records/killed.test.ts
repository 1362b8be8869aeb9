import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { verificationOf } from '../rules/imageAccess.ts';
import type { RegistryLogin } from '../types.ts';
import { ImageAccess } from './imageAccess.ts';
import { PullRecords } from './pullRecords.ts';
import { recordFiles } from './recordFiles.ts';

/** More with KUBELET_TS_KILLS=300. */
const kills = Number(process.env.KUBELET_TS_KILLS ?? 4);
const login = (name: string): RegistryLogin => ({
  username: name,
  password: name,
  source: { secret: { uid: `uid-${name}`, namespace: name, name: 'cred' } },
});

test(
  `an agent that is killed (SIGKILL, ${kills} times) while it writes records lets no other tenant in`,
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'killed-'));
    let seen = 0;
    let owned = 0;
    try {
      for (let round = 0; round < kills; round++) {
        const child = spawn(process.execPath, [join(import.meta.dirname, '../testing/pullForever.ts'), root]);
        // Each round a few pulls further, so that the kills fall on all steps.
        for (let dots = 0; dots <= round % 7; ) dots += ((await once(child.stdout, 'data'))[0] as Buffer).length;
        child.kill('SIGKILL');
        await once(child, 'close');
        const has = (await readFile(join(root, 'runtime'), 'utf8')).trim().split('\n');
        const [clock, files] = [new ManualClock(), await recordFiles(root)];
        const records = await PullRecords.open({ files, cacheSize: 10, clock, log: silentLogger });
        const access = new ImageAccess({
          ...{ records, verification: verificationOf('NeverVerifyPreloadedImages', []), clock, log: silentLogger },
          find: async (image) => (has.includes(image) ? `id of ${image}` : undefined),
          list: async () => has.map((image) => `id of ${image}`),
        });
        for (const look of ['at once', 'when its past is in order']) {
          for (const image of has.slice(seen)) {
            const ask = (...logins: RegistryLogin[]) => access.mayUse(image, `id of ${image}`, async () => logins);
            expect([look, image, await ask(), await ask(login('b'))]).toEqual([look, image, false, false]);
            if (await ask(login('a'))) owned++;
          }
          await access.tidy();
        }
        expect(records.size.intents).toBe(0);
        seen = has.length;
      }
      // All but the ones that were under way are their owner's.
      expect(owned).toBeGreaterThanOrEqual(2 * (seen - kills));
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
  20_000 + kills * 5_000,
);
