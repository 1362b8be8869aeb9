// npm run tools [-- GROUP…]: builds the real components into the cache and prints where they are.
import { main, say } from '../lib/log.ts';
import { type Component, defaultGroups, groups, isGroup } from './components.ts';
import { componentDir, ensureTools } from './ensure.ts';

await main(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !isGroup(name));
  if (unknown.length > 0) {
    throw new Error(`no tool group is called ${unknown.join(', ')}; there are ${Object.keys(groups).join(', ')}`);
  }
  const names = asked.length > 0 ? asked.filter(isGroup) : defaultGroups;
  for (const name of names) {
    await ensureTools([name]);
    for (const component of groups[name] as Component[])
      say(`${component.name} ${component.version}: ${componentDir(component)}/bin`);
  }
});
