import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repoRoot } from '../lib/paths.ts';
import type { Library } from './libraries.ts';

/** The texts that the licences of what is shipped ask to be shipped with it. `places` are those of the npm packages. */
export function licenseTexts(places: readonly string[], nodeLicense: string, libraries: readonly Library[]): string {
  const sections: [string, string][] = places.map((place) => [
    place.replace('node_modules/', ''),
    npmTexts(path.join(repoRoot, place)),
  ]);
  sections.push(['Node.js', readFileSync(nodeLicense, 'utf8')]);
  for (const { name, package: debian } of libraries) {
    sections.push([name, readFileSync(`/usr/share/doc/${debian}/copyright`, 'utf8')]);
  }
  return sections
    .map(([title, text]) => `${'='.repeat(100)}\n${title}\n${'='.repeat(100)}\n${text.trim()}\n`)
    .join('\n');
}

function npmTexts(directory: string): string {
  const files = readdirSync(directory).filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name));
  if (files.length > 0)
    return files.map((name) => readFileSync(path.join(directory, name), 'utf8').trim()).join('\n\n');
  const { license, author } = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8'));
  return `License: ${license}${author ? `\nAuthor: ${typeof author === 'string' ? author : author.name}` : ''}`;
}
