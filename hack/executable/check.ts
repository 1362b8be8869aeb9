// node hack/executable/check.ts [DIRECTORY]: runs the executable of dist (or of another directory that `npm run build` filled) where
// nothing is installed. Downloads two minimal Debians the first time.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { runChecks } from '../lib/checks.ts';
import { main } from '../lib/log.ts';
import { repoRoot } from '../lib/paths.ts';
import { bareChecks } from './bareChecks.ts';
import { executableName } from './executable.ts';

await main(async () => {
  const directory = path.resolve(process.argv[2] ?? path.join(repoRoot, 'dist'));
  if (!existsSync(path.join(directory, executableName)))
    throw new Error(`no executable in ${directory}: npm run build`);
  await runChecks(bareChecks(directory));
});
