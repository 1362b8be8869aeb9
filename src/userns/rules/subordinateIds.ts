import { goQuote } from '../../k8s/goText.ts';
import type { IdSpace } from './idSpace.ts';

/**
 * What `getsubids kubelet` prints: `0: kubelet 65536 2147483648`, one line for each row of ids. Throws kubelet's sentence unless it is one
 * row.
 */
export function parseSubordinateIds(output: string): IdSpace {
  const lines = output.replace(/^\n+|\n+$/g, '').split('\n');
  const [line] = lines;
  if (lines.length !== 1 || line === undefined) {
    throw new Error(`error parsing line ${goQuote(output)}: it must contain only one line`);
  }
  const parts = line.split(/[\t\v\f\r \u0085\u00a0]+/).filter((part) => part !== '');
  const [, , first, length] = parts;
  if (parts.length !== 4 || first === undefined || length === undefined) {
    throw new Error(`invalid line ${goQuote(line)}`);
  }
  return { first: uint32(first, output), length: uint32(length, output) };
}

function uint32(text: string, output: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value < 2 ** 32) return value;
  const problem = Number.isNaN(value) ? 'invalid syntax' : 'value out of range';
  throw new Error(`error parsing line ${goQuote(output)}: strconv.ParseUint: parsing ${goQuote(text)}: ${problem}`);
}
