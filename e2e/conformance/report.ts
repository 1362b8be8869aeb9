// node e2e/conformance/report.ts: writes docs/conformance.md from the kept results.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { main } from '../../hack/lib/log.ts';
import { repoRoot } from '../../hack/lib/paths.ts';
import { store } from './conformance.ts';
import { readList } from './lists.ts';
import { page } from './page.ts';
import { rows } from './table.ts';

await main(async () => {
  const lists = (['e2e', 'e2e_node'] as const).map((name) => ({
    name,
    rows: rows(readList(name), store(name, 'ts').results, store(name, 'go').results),
  }));
  const file = path.join(repoRoot, 'docs/conformance.md');
  writeFileSync(file, page(lists));
  console.log(`wrote ${file}`);
});
