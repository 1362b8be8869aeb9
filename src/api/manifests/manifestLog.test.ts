import type { Logger } from '../../lib/logger.ts';
import type { ManifestProblem } from './manifestContent.ts';
import { logManifests } from './manifestLog.ts';

type Listener = (list: readonly ManifestProblem[]) => void;

function setUp() {
  const lines: string[] = [];
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log = { info: say('info'), warn: say('warn'), error: say('error') } as unknown as Logger;
  const told: { problems?: Listener; warnings?: Listener } = {};
  const nothing = { [Symbol.dispose]() {} };
  const source = {
    onProblems(listener: Listener) {
      told.problems = listener;
      return nothing;
    },
    onWarnings(listener: Listener) {
      told.warnings = listener;
      return nothing;
    },
  };
  return { lines, told, own: logManifests(source, log) };
}

const a = { file: '/m/a.yaml', sentence: '/m/a.yaml: not YAML' };
const b = { file: '/m/b.yaml', sentence: '/m/b.yaml: no name' };

test('each problem is said once, and its end', () => {
  const { lines, told } = setUp();
  told.problems?.([a]);
  told.problems?.([a, b]);
  told.problems?.([{ ...a, sentence: '/m/a.yaml: no kind' }, b]);
  told.problems?.([b]);
  told.problems?.([]);
  expect(lines).toEqual([
    'error /m/a.yaml: not YAML',
    'error /m/b.yaml: no name',
    'error /m/a.yaml: no kind',
    'info the manifest was corrected or removed',
    'info the manifest was corrected or removed',
  ]);
});

test('warnings', () => {
  const { lines, told } = setUp();
  told.warnings?.([a]);
  expect(lines).toEqual(['warn /m/a.yaml: not YAML']);
});
