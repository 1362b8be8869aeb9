/** What a spec came to. `skipped`: the suite itself found that it does not apply here. */
export type Outcome = 'passed' | 'failed' | 'skipped';

export interface SpecReport {
  name: string;
  outcome: Outcome;
  seconds: number;
  /** The first line of the failure, or the reason of the skip. */
  message?: string;
  /** Everything that the spec printed. */
  output: string[];
}

const separator = /^-{20,}$/;
const result = /^(?:•|S|P)(?: \[([A-Z ]+)\])? \[([\d.]+) seconds\]$/;
const started = /^k8s\.io\/.*\.go:\d+$/;

/**
 * The spec's name out of the line that begins its report: the suite appends the labels in brackets, and the versions it is for. A container
 * without a text leaves two spaces, which lists of names do not have.
 */
function specName(line: string): string {
  return line
    .replace(/ {2,}/g, ' ')
    .replace(/(?: \[[\w-]+: \[[^\]]*\]\])*$/, '')
    .replace(/ \[[^\]]*\]$/, '');
}

function outcomeOf(word: string | undefined): Outcome {
  if (word === undefined) return 'passed';
  return word === 'SKIPPED' || word === 'PENDING' ? 'skipped' : 'failed';
}

const indentation = (text: string): number => text.length - text.trimStart().length;

/** Without the objects that a failure prints in the middle of its sentence: what is wrong stands behind them. */
function withoutDumps(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let from: number | undefined;
  for (const [index, line] of lines.entries()) {
    const closes = /^\s*\}(.*)$/.exec(line);
    if (from !== undefined) {
      if (!closes || indentation(line) > from) continue;
      from = undefined;
      kept.push(closes[1] ?? '');
    } else if (line.endsWith('{') && /^\s*"/.test(lines[index + 1] ?? '')) {
      from = indentation(line);
      kept.push(`${line}…}`);
    } else {
      kept.push(line);
    }
  }
  return kept;
}

/** The failure's first lines: gomega's own first line often says no more than that the time was up. */
function messageOf(details: readonly string[]): string | undefined {
  const start = Math.max(
    details.findIndex((text) => /^\s+\[[A-Z]+\] /.test(text)),
    0,
  );
  const end = details.findIndex((text, index) => index > start && /^\s+In \[/.test(text));
  const lines = withoutDumps(details.slice(start, end < 0 ? undefined : end)).map((text) => text.trim());
  const message = lines
    .filter(Boolean)
    .slice(0, 4)
    .join(' | ')
    .replace(/^\[(FAILED|SKIPPED)\] /, '');
  return message === '' ? undefined : message.slice(0, 400);
}

/**
 * Reads the verbose output of a ginkgo suite line by line and reports each spec as soon as it has ended, so that a killed
 * run loses nothing. `line` returns a report when that line ends one; `end` the last one.
 */
export class GinkgoOutput {
  private block: string[] = [];
  private reading: { name: string; outcome: Outcome; seconds: number; at: number } | undefined;
  /** The spec that runs now. */
  running: string | undefined;
  /** Set when the suite could not begin: nothing that it says about specs counts. */
  setupFailure: string | undefined;
  private readonly names: ReadonlySet<string>;

  constructor(names: Iterable<string>) {
    this.names = new Set(names);
  }

  /** Takes one line of output. */
  line(text: string): SpecReport | undefined {
    if (separator.test(text)) return this.close();
    this.block.push(text);
    if (this.running === undefined && started.test(text)) {
      const name = specName(this.block.at(-2) ?? '');
      if (this.names.has(name)) this.running = name;
    }
    if (/^\[(Synchronized)?BeforeSuite\] \[[A-Z]+\]/.test(text)) this.setupFailure = 'the suite could not begin';
    if (this.setupFailure === 'the suite could not begin' && /^\s+\[FAILED\] /.test(text)) {
      this.setupFailure = text.trim();
    }
    const match = result.exec(text);
    // What an earlier failure of an ordered group keeps from running has no header: its name follows the result.
    if (/^S \[SKIPPED\]/.test(this.block.at(-2) ?? '') && this.running === undefined) {
      const name = specName(text.replace(' [It] ', ' '));
      if (this.names.has(name)) this.reading = { name, outcome: 'skipped', seconds: 0, at: this.block.length };
    }
    if (match && this.running !== undefined && !this.reading) {
      const [, word, seconds = '0'] = match;
      this.reading = { name: this.running, outcome: outcomeOf(word), seconds: Number(seconds), at: this.block.length };
    }
    return undefined;
  }

  /** The output has ended. */
  end(): SpecReport | undefined {
    return this.close();
  }

  private close(): SpecReport | undefined {
    const { block, reading } = this;
    this.block = [];
    this.reading = undefined;
    if (!reading) return undefined; // a spec's report may hold separators of its own
    this.running = undefined;
    const message = reading.outcome === 'passed' ? undefined : messageOf(block.slice(reading.at));
    const { name, seconds } = reading;
    const outcome = message?.includes('an earlier spec in an ordered container failed') ? 'failed' : reading.outcome;
    return { name, outcome, seconds, output: block, ...(message === undefined ? {} : { message }) };
  }
}
