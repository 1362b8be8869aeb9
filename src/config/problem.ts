import { KubeletError } from '../lib/errors.ts';

/** One thing that is wrong with the configuration: where, and a sentence that says what is allowed. */
export interface Problem {
  /** File the value stands in, or undefined for the command line. */
  readonly file?: string;
  /** Line in the file, from 1. */
  readonly line?: number;
  /** Dotted path of the field, or the flag with its dashes. */
  readonly path: string;
  readonly sentence: string;
}

/** A problem as one line: `/etc/kubelet.yaml:12: evictionHard must be …`. */
export function problemText({ file, line, path, sentence }: Problem): string {
  const where = file === undefined ? '' : line === undefined ? `${file}: ` : `${file}:${line}: `;
  return `${where}${path === '' ? '' : `${path} `}${sentence}`;
}

/** The start is refused: every problem found, one line each. */
export class ConfigurationError extends KubeletError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(problemText).join('\n'), { code: 'InvalidConfiguration' });
    this.problems = problems;
  }
}
