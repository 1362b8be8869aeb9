import type { Result } from './results.ts';

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // Control characters have no place in XML.
  return text.replace(/[&<>"]/g, (char) => entities[char] ?? char).replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '');
}

function testCase({ spec, file, outcome, seconds, message }: Result): string {
  const head = `    <testcase classname="${escaped(file)}" name="${escaped(spec)}" time="${seconds}"`;
  if (outcome === 'passed') return `${head}/>`;
  const tag = outcome === 'failed' ? 'failure' : 'skipped';
  return `${head}>\n      <${tag} message="${escaped(message ?? '')}"/>\n    </testcase>`;
}

/** The results of one run as JUnit XML. */
export function junit(name: string, results: readonly Result[]): string {
  const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
  const time = results.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
  const numbers = `tests="${results.length}" failures="${count('failed')}" skipped="${count('skipped')}" time="${time}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${numbers}>`,
    `  <testsuite name="${escaped(name)}" ${numbers}>`,
    ...results.map(testCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
