import type { Lab } from './lab.ts';

/** What a test gets. */
export interface TestContext {
  readonly lab: Lab;
  /** A namespace of the API server that is this test's own; removed after the test. */
  readonly namespace: string;
  /** A directory on the node (and on this machine, under the same path) for hostPath volumes. */
  readonly directory: string;
  /** Sizes as the project's goals state them instead of the quick ones. */
  readonly full: boolean;
  /** Shown with the test's result. */
  note(text: string): void;
}

/**
 * `together`: runs beside others, touches only its own Pods. `alone`: changes the node, so nothing else runs meanwhile.
 * `last`: looks at what the whole run left.
 */
export type Mode = 'together' | 'alone' | 'last';

export interface Test {
  readonly name: string;
  readonly mode: Mode;
  /** How much longer than the others it takes; heavier ones start first. */
  readonly weight: number;
  /** Without a control plane: the test brings up what it needs. */
  readonly ownLab: boolean;
  run(context: TestContext): Promise<void>;
}

export interface Group {
  readonly name: string;
  readonly tests: readonly Test[];
}

type Options = Partial<Pick<Test, 'mode' | 'weight' | 'ownLab'>>;

/** A named test; `together` and weight 1 unless said. */
export function test(name: string, run: Test['run'], options: Options = {}): Test {
  return { name, run, mode: 'together', weight: 1, ownLab: false, ...options };
}

/** The tests of one file. */
export function group(name: string, tests: readonly Test[]): Group {
  return { name, tests };
}
