import { GinkgoOutput, type SpecReport } from './ginkgoOutput.ts';

const names = ['[sig-node] Pods should run', '[sig-node] Pods should run [Conformance]', '[sig-node] Pods may skip'];
const dashes = '-'.repeat(30);
const header = (name: string): string[] => [
  `${name} [sig-node, Conformance]`,
  'k8s.io/kubernetes@v1/test/e2e/pods.go:8',
];

function read(lines: string[], output = new GinkgoOutput(names)): SpecReport[] {
  const reports = lines.map((line) => output.line(line));
  return [...reports, output.end()].filter((report) => report !== undefined);
}

describe('GinkgoOutput', () => {
  test('reports a passed spec when its block ends', () => {
    const lines = [dashes, ...header(names[1]!), '  STEP: one', '• [5.290 seconds]', dashes];
    expect(read(lines)).toMatchObject([{ name: names[1], outcome: 'passed', seconds: 5.29 }]);
  });

  test('a spec for kubelets from a version on is known by its name', () => {
    const [name, source] = header(names[1]!);
    const lines = [dashes, `${name} [kubelet: [>=1.35]]`, source!, '• [1.000 seconds]', dashes];
    expect(read(lines)).toMatchObject([{ name: names[1], outcome: 'passed' }]);
  });

  test('takes the first line of a failure as its message', () => {
    const lines = [
      ...[dashes, ...header(names[0]!), '  [FAILED] in [It] - pods.go:9 @ now', '• [FAILED] [4.098 seconds]'],
      ...[
        `[sig-node] Pods [It] should run [sig-node]`,
        'k8s.io/x.go:1',
        '',
        '  [FAILED] it did not: why',
        '  In [It] at: x',
      ],
    ];
    expect(read(lines)).toMatchObject([{ name: names[0], outcome: 'failed', message: 'it did not: why' }]);
  });

  test.each([
    ['S [SKIPPED] [0.010 seconds]', 'skipped'],
    ['• [PANICKED] [0.010 seconds]', 'failed'],
    ['• [TIMEDOUT] [900.000 seconds]', 'failed'],
    ['• [INTERRUPTED] [1.000 seconds]', 'failed'],
  ])('%s is %s', (line, outcome) => {
    expect(read([dashes, ...header(names[2]!), line, dashes])).toMatchObject([{ name: names[2], outcome }]);
  });

  test('what an earlier failure of its ordered group kept from running has failed', () => {
    const why = '  [SKIPPED] Spec skipped because an earlier spec in an ordered container failed';
    const lines = [
      dashes,
      'S',
      'S [SKIPPED] [0.000 seconds]',
      '[sig-node] Pods [It] may skip [sig-node]',
      'k8s.io/x.go:1',
    ];
    expect(read([...lines, '', why, '  In [It] at: x', dashes])).toMatchObject([{ name: names[2], outcome: 'failed' }]);
  });

  test('an object that is printed in the middle of a failure is left out of its message', () => {
    const failure = [
      '  [FAILED] Verifying the state. Pod: {',
      '      "metadata": {',
      '        "name": "p"',
      '      }',
      '  }: [',
      '  restarts: got 1, want 0',
      '  ]',
      '  In [It] at: x.go:1',
    ];
    const [report] = read([
      dashes,
      ...header(names[0]!),
      '• [FAILED] [2.000 seconds]',
      'k8s.io/x.go:1',
      ...failure,
      dashes,
    ]);
    expect(report?.message).toBe('Verifying the state. Pod: {…} | : [ | restarts: got 1, want 0 | ]');
  });

  test('a container without a text leaves two spaces in the name', () => {
    const name = names[0]!.replace(' should', '  should');
    expect(name).toContain('  ');
    expect(read([dashes, ...header(name), '• [1.000 seconds]', dashes])).toMatchObject([
      { name: names[0], outcome: 'passed' },
    ]);
  });

  test('a separator in a spec of its own does not end it', () => {
    const lines = [dashes, ...header(names[0]!), '  a report follows', dashes, '  more', '• [1.000 seconds]', dashes];
    expect(read(lines)).toMatchObject([{ name: names[0], outcome: 'passed' }]);
  });

  test('what was killed in the middle is not reported', () => {
    const output = new GinkgoOutput(names);
    expect(read([dashes, ...header(names[0]!), '  STEP: one'], output)).toEqual([]);
    expect(output.running).toBe(names[0]);
  });

  test('results of other nodes of the report are not specs', () => {
    expect(read([dashes, '[ReportAfterSuite] x', 'k8s.io/a.go:1', '• [1.000 seconds]', dashes])).toEqual([]);
  });

  test('knows that the suite could not begin', () => {
    const output = new GinkgoOutput(names);
    read([dashes, '[SynchronizedBeforeSuite] [FAILED] [3.0 seconds]', 'x', '  [FAILED] no node is ready'], output);
    expect(output.setupFailure).toBe('[FAILED] no node is ready');
  });
});
