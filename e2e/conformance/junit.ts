import { type SuiteName, suiteOf } from './lists.ts';
import type { Result } from './results.ts';

/** What the suites call themselves; programs that read conformance results look for the first. */
const descriptions: Readonly<Record<SuiteName, string>> = { e2e: 'Kubernetes e2e suite', e2e_node: 'E2eNode Suite' };

function escaped(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // Control characters have no place in XML.
  return text.replace(/[&<>"]/g, (char) => entities[char] ?? char).replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '');
}

function suiteName({ file, spec }: Result): SuiteName {
  return suiteOf({ file, name: spec });
}

/** As ginkgo writes a spec: "[It] NAME", with the suite as its class. */
function testCase(result: Result): string {
  const { spec, outcome, seconds, message = '' } = result;
  const head = `      <testcase name="[It] ${escaped(spec)}" classname="${descriptions[suiteName(result)]}" status="${outcome}" time="${seconds}"`;
  if (outcome === 'passed') return `${head}/>`;
  const failed = `<failure message="${escaped(message)}" type="failed"/>`;
  const skipped = `<skipped message="${escaped(message ? `skipped - ${message}` : 'skipped')}"/>`;
  return `${head}>\n          ${outcome === 'failed' ? failed : skipped}\n      </testcase>`;
}

function numbers(results: readonly Result[], skippedName: string): string {
  const count = (outcome: string): number => results.filter((result) => result.outcome === outcome).length;
  const time = results.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3);
  return `tests="${results.length}" ${skippedName}="${count('skipped')}" errors="0" failures="${count('failed')}" time="${time}"`;
}

/** The results of one run as the JUnit XML that ginkgo writes: junit_01.xml. */
export function junit(results: readonly Result[]): string {
  const parts = Map.groupBy(results, suiteName);
  const suites = [...parts].map(([name, part]) =>
    [
      `  <testsuite name="${descriptions[name]}" ${numbers(part, 'skipped')} timestamp="${part[0]?.run.slice(0, 19)}">`,
      ...part.map(testCase),
      '  </testsuite>',
    ].join('\n'),
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${numbers(results, 'disabled')}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}
