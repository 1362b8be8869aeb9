// node e2e/conformance/report.ts: writes docs/conformance.md from the kept results.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { main } from '../../hack/lib/log.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { resultsOf } from './conformance.ts';
import { knownLists, readList } from './lists.ts';
import { page } from './page.ts';
import { rows } from './table.ts';

await main(async () => {
  const [ts, go] = [resultsOf('ts'), resultsOf('go')];
  const lists = Object.entries(knownLists).map(([name, title]) => ({
    name,
    title,
    rows: rows(readList(name), ts, go),
  }));
  const file = path.join(repoRoot, 'docs/conformance.md');
  writeFileSync(file, page(lists));
  console.log(`wrote ${file}`);
});
