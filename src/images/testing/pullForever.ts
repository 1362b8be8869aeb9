// node pullForever.ts ROOT: pulls one private image after the other with a tenant's credentials, until it is killed. What the runtime would
// have then is in ROOT/runtime, a line each, written when the runtime would have it.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { ImageAccess } from '../records/imageAccess.ts';
import { PullRecords } from '../records/pullRecords.ts';
import { recordFiles } from '../records/recordFiles.ts';
import { verificationOf } from '../rules/imageAccess.ts';

const [root = ''] = process.argv.slice(2);
const records = await PullRecords.open({
  ...{ files: await recordFiles(root), cacheSize: 100 },
  ...{ clock: realClock, log: silentLogger },
});
const access = new ImageAccess({
  records,
  verification: verificationOf('NeverVerifyPreloadedImages', []),
  find: async () => undefined,
  list: async () => [],
  clock: realClock,
  log: silentLogger,
});
const source = { secret: { uid: 'uid-a', namespace: 'a', name: 'cred' } };
for (let i = 0; ; i++) {
  const image = `reg.example/p${process.pid}/i${i}:1`;
  const note = await access.begin(image, async () => undefined);
  appendFileSync(join(root, 'runtime'), `${image}\n`);
  await note.succeeded(`id of ${image}`, { username: 'a', password: 'a', source });
  process.stdout.write('.');
}
