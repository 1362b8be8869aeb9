// npm run images [-- NAME…]: builds images into the cache.
import { main, say } from '../lib/log.ts';
import { definitions, type ImageName } from './definitions/index.ts';
import { ensureImages } from './ensure.ts';

await main(async () => {
  const all = Object.keys(definitions) as ImageName[];
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !Object.hasOwn(definitions, name));
  if (unknown.length > 0) throw new Error(`no image is called ${unknown.join(', ')}; there are ${all.join(', ')}`);
  const names = asked.length > 0 ? (asked as ImageName[]) : all;
  for (const { refs, directory } of await ensureImages(names)) say(`${refs[0]}: ${directory}`);
});
