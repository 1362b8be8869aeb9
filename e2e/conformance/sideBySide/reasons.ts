import type { Difference } from './compare.ts';

/** Why differences are as they are: the first row that fits counts. What no row explains is a defect of one side. */
const REASONS: readonly { readonly where?: RegExp; readonly what: RegExp; readonly reason: string }[] = [
  { what: /^go_|^process_virtual_memory_max/, reason: 'this is no Go program' },
  { what: /^kubelet_ts_/, reason: 'of this program alone' },
];

/** The reason of a difference, or undefined. */
export function reasonOf({ where, what }: Difference): string | undefined {
  return REASONS.find((row) => (row.where?.test(where) ?? true) && row.what.test(what))?.reason;
}
